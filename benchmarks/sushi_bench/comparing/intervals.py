"""Paired differences between policies, and how sure they are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Difference:
    """Mean difference over episodes, and its 95 % interval.

    Attributes:
        mean: Mean of the differences.
        low: Lower end; None if there is only one episode.
        high: Upper end; likewise.
    """

    mean: float
    low: float | None
    high: float | None


def paired_difference(values: Sequence[float], reference: Sequence[float]) -> Difference:
    """The difference of two policies on the same episodes.

    Both met the same queries, so differences are taken episode by episode; the interval is
    Student's for their mean (paired t), which is how far the mean could be off by the choice of
    episodes.

    Args:
        values: One figure per episode.
        reference: The other policy's, in the same order.

    Returns:
        The mean of values - reference, with its interval.
    """
    apart = np.asarray(values, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
    mean = float(apart.mean())
    if len(apart) < 2:
        return Difference(mean, None, None)
    error = float(apart.std(ddof=1)) / np.sqrt(len(apart))
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(apart) - 1)) * error
    return Difference(mean, mean - reach, mean + reach)
