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


@dataclass(frozen=True)
class Overlap:
    """Leading slices that two slices share: the minimum of each dimension; one array each.

    Attributes:
        out_channels: Shared output channels.
        in_channels: Shared input channels.
        taps: Shared R*S taps.
    """

    out_channels: NDArray[np.int64]
    in_channels: NDArray[np.int64]
    taps: NDArray[np.int64]

    @property
    def bytes(self) -> NDArray[np.int64]:
        """Bytes shared per slot: `resident(i, j)` before its sum over slots."""
        return self.out_channels * self.in_channels * self.taps


def overlap(a: NDArray[np.int64], b: NDArray[np.int64]) -> Overlap:
    """What two slices share.

    Args:
        a: Slices, shape (..., N, 3).
        b: Slices, broadcastable to `a`.

    Returns:
        The shared slices, arrays of shape (..., N).
    """
    return Overlap(*(np.minimum(a[..., d], b[..., d]) for d in range(3)))


def shared_bytes(slices: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bytes that every two of several slices share: shape (G, N, 3) to (G, G)."""
    parts = np.ascontiguousarray(np.moveaxis(slices, -1, 0))
    shared = np.empty((len(slices), len(slices)), dtype=np.int64)
    for j in range(len(slices)):  # row by row: the whole of it would not fit the CPU's cache
        k, c, taps = (np.minimum(part[: j + 1], part[j]) for part in parts)
        shared[j, : j + 1] = shared[: j + 1, j] = (k * c * taps).sum(axis=-1)
    return shared


def shared_slices(slices: NDArray[np.int64]) -> NDArray[np.int64]:
    """The slices that all of several networks share: shape (S, N, 3) to (N, 3)."""
    return slices.min(axis=0)
