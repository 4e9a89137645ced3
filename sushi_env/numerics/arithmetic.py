"""Logarithm and exponential in plain IEEE arithmetic.

The C library's differ in the last bit from one machine to the next, and so would episodes.
These use only additions, multiplications, divisions and integer operations, in a fixed order,
and are therefore the same everywhere; LLVM also turns loops over them into vector code.
"""

# pyright: reportCallIssue=false
# (Numba passes the first argument of an intrinsic itself.)

import numpy as np
from numba.core import cgutils, types

from sushi_env.numerics.compiling import compiled, machine_code

_LN2 = 0.6931471805599453
_SQRT2 = 1.4142135623730951
_EXPONENT = 52
_BIAS = 1023
_MANTISSA = (1 << _EXPONENT) - 1
_ONE = _BIAS << _EXPONENT


@machine_code(lambda value: np.float64(value).view(np.int64))
def float_to_bits(typingctx, value):
    """The 64 bits of a float64 as int64."""

    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], cgutils.intp_t)

    return types.int64(types.float64), codegen


@machine_code(lambda bits: np.int64(bits).view(np.float64))
def bits_to_float(typingctx, bits):
    """The float64 with the bits of an int64."""

    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(types.float64))

    return types.float64(types.int64), codegen


@compiled(error_model="numpy", inline="always")
def logarithm(x):
    """Natural logarithm of a positive, normal float64, within 2 units in the last place.

    With x = m 2^e and m in [sqrt 1/2, sqrt 2), log x = e log 2 + 2 artanh((m - 1) / (m + 1));
    the series of artanh ends where its terms fall below the rounding error.
    """
    bits = float_to_bits(x)
    exponent = (bits >> _EXPONENT) - _BIAS
    m = bits_to_float((bits & _MANTISSA) | _ONE)
    high = 1 if m > _SQRT2 else 0
    m = m * 0.5 if high == 1 else m
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    series = 1.0 / 19.0
    series = series * z + 1.0 / 17.0
    series = series * z + 1.0 / 15.0
    series = series * z + 1.0 / 13.0
    series = series * z + 1.0 / 11.0
    series = series * z + 1.0 / 9.0
    series = series * z + 1.0 / 7.0
    series = series * z + 1.0 / 5.0
    series = series * z + 1.0 / 3.0
    series = series * z + 1.0
    return (exponent + high) * _LN2 + 2.0 * s * series


@compiled(error_model="numpy", inline="always")
def exponential(x):
    """E to the x, float64, within 1e-15 of it; 0 below -708 and e to the 709 above 709."""
    if x < -708.0:
        return 0.0
    x = min(x, 709.0)
    scaled = x / _LN2
    power = int(scaled + 0.5) if scaled >= 0.0 else -int(0.5 - scaled)
    # log 2 in two parts, the first with few enough bits that its multiples are exact.
    r = (x - power * 0.693147180369123816490) - power * 1.90821492927058770002e-10
    series = 1.0
    for n in range(14, 0, -1):
        series = 1.0 + r / n * series
    return series * bits_to_float((power + _BIAS) << _EXPONENT)
