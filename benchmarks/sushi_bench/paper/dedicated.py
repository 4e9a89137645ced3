"""SubNets served with the SubGraph that is best for each alone: SubGraph Stationary by itself."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sushi_accel import Board, SubGraph, build_table, get_supernet
from sushi_accel.supernets.subgraph import empty_subgraph
from sushi_accel.table.packing import Packer


@dataclass(frozen=True)
class Served:
    """Every SubNet of a SuperNet on a board, without and with a Persistent Buffer.

    Attributes:
        names: Names of the SubNets, S of them.
        macs: MACs of one inference, shape (S,).
        latency_s: Seconds with nothing cached, and with the best SubGraph, shape (2, S).
        weight_bytes: Weight bytes over the port, likewise, shape (2, S).
        offchip_bytes: All bytes over the port, likewise, shape (2, S).
    """

    names: tuple[str, ...]
    macs: NDArray[np.float64]
    latency_s: NDArray[np.float64]
    weight_bytes: NDArray[np.float64]
    offchip_bytes: NDArray[np.float64]

    @property
    def latency_saved(self) -> NDArray[np.float64]:
        """Latency saved, percent, shape (S,)."""
        return _saved(self.latency_s)

    @property
    def weights_saved(self) -> NDArray[np.float64]:
        """Off-chip weight bytes, and so their access energy, saved, percent, shape (S,)."""
        return _saved(self.weight_bytes)

    @property
    def traffic_saved(self) -> NDArray[np.float64]:
        """Off-chip bytes of all kinds, and so their access energy, saved, percent, (S,)."""
        return _saved(self.offchip_bytes)


def _saved(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return 100 * (1 - values[1] / values[0])


@lru_cache(maxsize=512)
def _packer(supernet: str, board: Board) -> Packer:
    return Packer(get_supernet(supernet), board)


@lru_cache(maxsize=4096)
def serve_each(supernet: str, board: Board) -> Served:
    """Serves every SubNet with nothing cached, and with the SubGraph packed for it alone.

    Args:
        supernet: Name of the SuperNet.
        board: The board; the SubGraphs fill its Persistent Buffer.
    """
    net = get_supernet(supernet)
    packer = _packer(supernet, replace(board, pb_bytes=0))  # what it holds fits any buffer
    graphs = [empty_subgraph(net.num_slots)]
    for subnet, mix in zip(net.subnets, np.eye(len(net.subnets)), strict=True):
        graphs.append(SubGraph(subnet.name, packer.pack(mix, board.pb_bytes)))
    table = build_table(net, board, graphs)
    own = np.arange(len(net.subnets))

    def both(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([values[:, 0], values[own, own + 1]])

    return Served(
        names=table.subnet_names,
        macs=table.macs,
        latency_s=both(table.latency_s),
        weight_bytes=both(table.weight_bytes[:, None] - table.resident_bytes),
        offchip_bytes=both(table.offchip_bytes),
    )
