"""Response times in bins: logarithmic, linear within octaves."""

import numpy as np
from numpy.typing import NDArray

from sushi_env.engine.records import BINS_PER_OCTAVE, HISTOGRAM_BINS
from sushi_env.numerics.arithmetic import bits_to_float, float_to_bits
from sushi_env.numerics.compiling import compiled


@compiled(error_model="numpy", inline="always")
def latency_bin(ratio):
    """Bin of a response time given over the histogram's unit; one for every number."""
    bits = float_to_bits(max(ratio, 1.0))
    octave = (bits >> 52) - 1023
    mantissa = bits_to_float((bits & ((1 << 52) - 1)) | (1023 << 52))
    b = octave * BINS_PER_OCTAVE + int((mantissa - 1.0) * BINS_PER_OCTAVE)
    return min(max(b, 0), HISTOGRAM_BINS - 1)


def percentile_s(histogram: NDArray[np.int32], unit_s: float, q: float) -> float:
    """A quantile of response times from their histogram, linear within a bin, seconds."""
    target = q * histogram.sum()
    cumulative = np.cumsum(histogram)
    b = int(np.searchsorted(cumulative, target))
    if b >= len(histogram) or cumulative[-1] == 0:
        return 0.0
    inside = (target - (cumulative[b] - histogram[b])) / max(histogram[b], 1)
    octave, position = divmod(b, BINS_PER_OCTAVE)
    return float(unit_s * 2.0**octave * (1 + (position + inside) / BINS_PER_OCTAVE))
