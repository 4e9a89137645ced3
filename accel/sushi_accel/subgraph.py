"""SubGraphs: slices of a SuperNet's weights, and how much of one another they hold."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SubGraph:
    """A slice of a SuperNet's weights: one leading slice per elastic layer.

    Attributes:
        name: Short name that says what the slice was built for.
        slices: Leading (K output channels, C input channels, R*S taps) per slot, shape (N, 3),
            int64; all zero where nothing of a layer is held.
    """

    name: str
    slices: NDArray[np.int64]

    @property
    def weight_bytes(self) -> int:
        """Bytes of the held int8 weights."""
        return int(self.slices.prod(axis=-1).sum())


def empty_subgraph(num_slots: int) -> SubGraph:
    """The SubGraph that holds nothing, index 0 of every table."""
    return SubGraph("empty", np.zeros((num_slots, 3), dtype=np.int64))


def overlap(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """Leading slices that two slices share: the minimum of each dimension.

    Args:
        a: Slices, shape (..., N, 3).
        b: Slices, broadcastable to `a`.

    Returns:
        The shared slices, shape (..., N, 3).
    """
    return np.minimum(a, b)


def resident_bytes(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bytes that two slices share in each slot, `resident(i, j)` before the sum over slots.

    Args:
        a: Slices, shape (..., N, 3).
        b: Slices, broadcastable to `a`.

    Returns:
        Bytes per slot, shape (..., N).
    """
    return overlap(a, b).prod(axis=-1)


def shared_slices(slices: NDArray[np.int64]) -> NDArray[np.int64]:
    """The slices that all of several networks share: shape (S, N, 3) to (N, 3)."""
    return slices.min(axis=0)
