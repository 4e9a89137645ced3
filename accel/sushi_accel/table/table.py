"""The SushiAbs table: everything a scheduler needs to know of the hardware."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sushi_accel.boards.board import Board
from sushi_accel.errors import InputError
from sushi_accel.model.energy import energy_j
from sushi_accel.model.timing import (
    call_overhead_s,
    layer_cycles,
    layer_work,
    offchip_bytes,
    resident_sweeps,
    stored_slices,
)
from sushi_accel.shown import shown
from sushi_accel.supernets.subgraph import SubGraph, overlap, shared_bytes
from sushi_accel.supernets.supernet import SuperNet
from sushi_accel.table.candidates import build_candidates

SHORTEST_S = 1e-9
"""Least latency, seconds: a clock of a gigahertz does nothing in less."""

_RANGES = {"s": (0.0, 1e6), "j": (0.0, 1e9), "bytes": (0.0, 1e14)}
"""Range by the unit that a name ends with: beyond these, sums over an episode lose their digits."""


@dataclass(frozen=True)
class SushiAbs:
    """Latency, energy and traffic of S SubNets under G SubGraphs.

    Attributes:
        supernet: Name of the SuperNet.
        board: Name of the board.
        pb_bytes: Persistent Buffer, bytes.
        subnet_names: Names of the SubNets, S of them.
        subgraph_names: Names of the SubGraphs, G of them; the first is empty.
        top1: Top-1 accuracy, percent, shape (S,).
        weight_bytes: Weights of each SubNet, bytes, shape (S,).
        macs: Multiply-accumulates of each SubNet, shape (S,).
        subgraph_bytes: Weights each SubGraph holds, bytes, shape (G,).
        latency_s: L[i, j], service latency of SubNet i while SubGraph j is cached, seconds.
        offchip_bytes: Bytes one inference moves over the off-chip port, shape (S, G).
        energy_j: Energy of one inference, joules, shape (S, G).
        resident_bytes: Bytes of SubNet i's weights that SubGraph j holds, shape (S, G).
        reload_bytes: Bytes of SubGraph j' not already held by j, as they are stored, shape (G, G).
        reload_s: T[j, j'], seconds to load them, shape (G, G).
        reload_j: Energy to load them, joules, shape (G, G).
        subnet_vectors: [K1, C1, ..., KN, CN] of each SubNet, shape (S, 2N).
        subgraph_vectors: The same of each SubGraph, shape (G, 2N).

    Raises:
        InputError: If a shape is wrong, a name repeats, or a value is not finite, negative, or
            (a latency) zero.
    """

    supernet: str
    board: str
    pb_bytes: int
    subnet_names: tuple[str, ...]
    subgraph_names: tuple[str, ...]
    top1: NDArray[np.float64]
    weight_bytes: NDArray[np.float64]
    macs: NDArray[np.float64]
    subgraph_bytes: NDArray[np.float64]
    latency_s: NDArray[np.float64]
    offchip_bytes: NDArray[np.float64]
    energy_j: NDArray[np.float64]
    resident_bytes: NDArray[np.float64]
    reload_bytes: NDArray[np.float64]
    reload_s: NDArray[np.float64]
    reload_j: NDArray[np.float64]
    subnet_vectors: NDArray[np.float64]
    subgraph_vectors: NDArray[np.float64]

    def __post_init__(self) -> None:
        S, G = len(self.subnet_names), len(self.subgraph_names)
        V = self.subnet_vectors.shape[-1]
        shapes = {
            **dict.fromkeys(("top1", "weight_bytes", "macs"), (S,)),
            "subgraph_bytes": (G,),
            **dict.fromkeys(("latency_s", "offchip_bytes", "energy_j", "resident_bytes"), (S, G)),
            **dict.fromkeys(("reload_bytes", "reload_s", "reload_j"), (G, G)),
            "subnet_vectors": (S, V),
            "subgraph_vectors": (G, V),
        }
        if S < 1 or G < 1:
            raise InputError(f"SushiAbs table: {S} SubNets x {G} SubGraphs, needs at least 1 x 1")
        for names in (self.subnet_names, self.subgraph_names):
            if not all(isinstance(n, str) for n in names) or len(set(names)) != len(names):
                raise InputError(
                    f"SushiAbs table: names must be text and differ, got {shown(names)}"
                )
        if type(self.pb_bytes) is not int or self.pb_bytes < 0:
            raise InputError(
                f"SushiAbs table: pb_bytes = {shown(self.pb_bytes)}, "
                "must be an integer of at least 0"
            )
        for name, shape in shapes.items():
            value = getattr(self, name)
            if value.dtype != np.float64:
                raise InputError(f"SushiAbs table: {name} is {value.dtype}, must be float64")
            if value.shape != shape:
                raise InputError(f"SushiAbs table: {name} has shape {value.shape}, not {shape}")
            if not np.isfinite(value).all() or (value < 0).any():
                raise InputError(f"SushiAbs table: {name} holds a negative or non-finite value")
            low, high = _RANGES.get(name.rpartition("_")[2], (0.0, 1e18))
            if name == "latency_s":
                low = SHORTEST_S
            if value.size and not low <= value.min() <= value.max() <= high:
                raise InputError(
                    f"SushiAbs table: {name} holds {value.min():g} to {value.max():g}, must be in "
                    f"{low:g}..{high:g}"
                )
            value.flags.writeable = False

    @property
    def num_subnets(self) -> int:
        """Number of SubNets S."""
        return len(self.subnet_names)

    @property
    def num_subgraphs(self) -> int:
        """Number of SubGraphs G."""
        return len(self.subgraph_names)

    def normalised(self, top1: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """(top1 - lowest) / (highest - lowest), of accuracies in percent; 0 if all are alike."""
        lowest, highest = self.top1.min(), self.top1.max()
        return (np.asarray(top1) - lowest) / max(highest - lowest, 1e-9)


def build_table(
    supernet: SuperNet,
    board: Board,
    subgraphs: list[SubGraph] | None = None,
    num_subgraphs: int = 16,
) -> SushiAbs:
    """Builds the SushiAbs table of a SuperNet on a board.

    Args:
        supernet: The SuperNet.
        board: The board.
        subgraphs: The SubGraphs to tabulate; by default those of `build_candidates`.
        num_subgraphs: How many of them to build by default.

    Returns:
        The table.

    Raises:
        InputError: If there is no SubGraph, or one does not fit the SuperNet or the Persistent
            Buffer.
    """
    if subgraphs is None:
        subgraphs = build_candidates(supernet, board, num_subgraphs)
    if not subgraphs:
        raise InputError("a table needs at least one SubGraph")
    for graph in subgraphs:
        if graph.slices.shape != (supernet.num_slots, 3):
            raise InputError(
                f"SubGraph {graph.name!r} has slices of shape {graph.slices.shape}, must be "
                f"({supernet.num_slots}, 3) for SuperNet {supernet.name!r}"
            )
        if (taken := int(stored_slices(graph.slices, board).prod(axis=-1).sum())) > board.pb_bytes:
            raise InputError(
                f"SubGraph {graph.name!r} takes {taken} bytes, must fit the "
                f"Persistent Buffer of {board.pb_bytes}"
            )
    cached = np.stack([graph.slices for graph in subgraphs])  # (G, N, 3)
    layers, work = supernet.layers, layer_work(supernet.layers, board)
    held = overlap(supernet.slices[:, None], cached[None])  # arrays of shape (S, G, N)
    held_bytes = held.bytes.astype(np.float64)

    def spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values[:, None]

    layers_sg = type(layers)(**{f: spread(getattr(layers, f)) for f in vars(layers)})
    work_sg = type(work)(**{f: spread(getattr(work, f)) for f in vars(work)})
    cycles = layer_cycles(work_sg, board, held_bytes, resident_sweeps(layers_sg, held, board))
    resident = held_bytes.sum(axis=-1)
    traffic = offchip_bytes(work_sg, board, held_bytes).sum(axis=-1)  # (S, G)
    io_bytes = np.array([[float(subnet.io_bytes)] for subnet in supernet.subnets])
    streamed = work.weight_bytes.sum(axis=-1)[:, None] - resident
    overhead = call_overhead_s(board, io_bytes, streamed)
    io_traffic = io_bytes if board.maps_on_chip else 0.0 * io_bytes
    shared = shared_bytes(stored_slices(cached, board)).astype(np.float64)
    reload_bytes = np.diag(shared)[None] - shared

    def vectors(slices: NDArray[np.int64]) -> NDArray[np.float64]:
        return slices[..., :2].reshape(len(slices), -1).astype(np.float64)

    return SushiAbs(
        supernet=supernet.name,
        board=board.name,
        pb_bytes=board.pb_bytes,
        subnet_names=tuple(subnet.name for subnet in supernet.subnets),
        subgraph_names=tuple(graph.name for graph in subgraphs),
        top1=np.array([subnet.top1 for subnet in supernet.subnets]),
        weight_bytes=work.weight_bytes.sum(axis=-1),
        macs=work.macs.sum(axis=-1),
        subgraph_bytes=np.array([float(graph.weight_bytes) for graph in subgraphs]),
        latency_s=cycles.sum(axis=-1) / board.clock_hz + overhead,
        offchip_bytes=traffic + io_traffic,
        energy_j=energy_j(work_sg, board, held_bytes).sum(axis=-1)
        + io_traffic * board.offchip_j_per_byte,
        resident_bytes=resident,
        reload_bytes=reload_bytes,
        reload_s=reload_bytes / board.reload_rate,
        reload_j=reload_bytes * board.offchip_j_per_byte,
        subnet_vectors=vectors(supernet.slices),
        subgraph_vectors=vectors(cached),
    )
