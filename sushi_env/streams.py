"""Counter-based random streams: draw q of a stream is a pure function of its key and q.

So arrivals cannot depend on actions, on what other environments do, or on how work is split.
The function is SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
OOPSLA 2014) with the counter as its position; keys are starting points spread by the same mix.
"""

import numba as nb
import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_TO_UNIT = 2.0**-53

STREAM_GAP = np.uint64(1)
STREAM_CLASS = np.uint64(2)
STREAM_REGIME = np.uint64(3)


@nb.njit(cache=True, inline="always")
def _mix(z):
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    return z ^ (z >> np.uint64(31))


@nb.njit(cache=True, inline="always")
def stream_key(seed, episode, stream):
    """Key of one stream of one episode of one seed; all uint64."""
    key = _mix(seed + _GOLDEN)
    key = _mix(key ^ (episode + _GOLDEN))
    return _mix(key ^ (stream * _GOLDEN))


@nb.njit(cache=True, inline="always")
def uniform(key, counter):
    """Draw `counter` (uint64) of the stream `key`, in (0, 1), float64."""
    bits = _mix(key + (counter + np.uint64(1)) * _GOLDEN)
    return (np.float64(bits >> np.uint64(11)) + 0.5) * _TO_UNIT
