"""Counter-based random streams: draw q of a stream is a pure function of its key and q.

So arrivals cannot depend on actions, on what other environments do, or on how work is split.
The function is SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
OOPSLA 2014) with the counter as its position; keys are starting points spread by the same mix.
"""

import math

import numpy as np

from sushi_env.numerics.arithmetic import exponential, logarithm
from sushi_env.numerics.compiling import compiled

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_TO_UNIT = 2.0**-53
_ONE = np.uint64(1)
_ATTEMPTS = np.uint64(256)
_PAIRS = 128
_TRIES = 2000

STREAM_GAP = np.uint64(1)
STREAM_CLASS = np.uint64(2)
STREAM_REGIME = np.uint64(3)
STREAM_MODULATION = np.uint64(4)
STREAM_JITTER = np.uint64(5)
STREAM_POLICY = np.uint64(6)

TRACE_KEY = np.uint64(7)
"""Key of the jitter of traces, which is the same in all episodes."""


@compiled(error_model="numpy", inline="always")
def _mix(z):
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    return z ^ (z >> np.uint64(31))


@compiled(error_model="numpy", inline="always")
def stream_key(seed, episode, stream):
    """Key of one stream of one episode of one seed; all uint64."""
    key = _mix(seed + _GOLDEN)
    key = _mix(key ^ (episode + _GOLDEN))
    return _mix(key ^ (stream * _GOLDEN))


@compiled(error_model="numpy", inline="always")
def uniform(key, counter):
    """Draw `counter` (uint64) of the stream `key`, in (0, 1), float64."""
    bits = _mix(key + (counter + _ONE) * _GOLDEN)
    return (np.float64(np.int64(bits >> np.uint64(11))) + 0.5) * _TO_UNIT


@compiled(error_model="numpy")
def uniforms(key, count):
    """The first `count` draws of the stream `key` (uint64), float64, shape (count,)."""
    drawn = np.empty(count)
    for n in range(count):
        drawn[n] = uniform(key, np.uint64(n))
    return drawn


@compiled(error_model="numpy")
def standard_normal(key, counter):
    """A standard normal draw at `counter`, a multiple of 256, of which it may use 256 (polar)."""
    for _ in range(_PAIRS):  # four of five are accepted
        a = 2.0 * uniform(key, counter) - 1.0
        b = 2.0 * uniform(key, counter + _ONE) - 1.0
        counter += np.uint64(2)
        r = a * a + b * b
        if 0.0 < r < 1.0:
            return a * math.sqrt(-2.0 * logarithm(r) / r)
    return 0.0


@compiled(error_model="numpy")
def standard_gamma(key, counter, shape):
    """A gamma draw of unit scale at `counter`, a multiple of 2**20, of which it may use 2**20.

    Marsaglia and Tsang, A simple method for generating gamma variables, TOMS 2000; a shape
    below 1 is raised by one and corrected by a power of a uniform draw, as they say.
    """
    raised = shape if shape >= 1.0 else shape + 1.0
    d = raised - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    boost = 0.0 if shape >= 1.0 else logarithm(uniform(key, counter)) / shape
    counter += _ATTEMPTS
    for _ in range(_TRIES):  # nineteen of twenty are accepted
        x = standard_normal(key, counter)
        counter += _ATTEMPTS
        v = 1.0 + c * x
        if v > 0.0:
            v = v * v * v
            log_u = logarithm(uniform(key, counter))
            counter += _ATTEMPTS
            if log_u < 0.5 * x * x + d - d * v + d * logarithm(v):
                return d * v * exponential(boost)
    return d * exponential(boost)
