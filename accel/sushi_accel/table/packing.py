"""Packs the slices that save the most cycles into a budget of bytes.

Per layer the choices are the leading slices that SubNets share: all meets of their slices. On a
double-buffered board also their first eighths of output channels, as a few resident sweeps may
be head start enough to hide all other fetches; single-buffered, a byte is worth the same in a
part as in the whole. Picking one per layer is a multiple-choice knapsack. It is solved greedily
along each layer's efficient frontier, most cycles per byte first, which is optimal for the
problem in which slices may be cut anywhere. The first slice that no longer fits is cut to the
output channels that do; after it, whatever still fits whole is taken.
"""

import numpy as np
from numpy.typing import NDArray

from sushi_accel.boards.board import Board
from sushi_accel.model.timing import Array, layer_cycles, layer_work, resident_sweeps, stored_slices
from sushi_accel.supernets.subgraph import overlap
from sushi_accel.supernets.supernet import SuperNet

Slices = NDArray[np.int64]

PARTS = 8


def saved_cycles(supernet: SuperNet, board: Board, slices: Slices) -> Array:
    """Cycles that holding `slices` saves every SubNet, layer by layer.

    Args:
        supernet: The SuperNet.
        board: The board.
        slices: Held slices, shape (M, N, 3).

    Returns:
        Cycles, shape (M, S, N).
    """
    layers, work = supernet.layers, layer_work(supernet.layers, board)
    held = overlap(supernet.slices[None], slices[:, None])
    cycles = layer_cycles(work, board, held.bytes, resident_sweeps(layers, held, board))
    return layer_cycles(work, board, np.zeros(1), np.zeros(1)) - cycles


def layer_options(slices: Slices) -> Slices:
    """Distinct non-empty meets of SubNets' slices of one layer: shape (S, 3) to (M, 3)."""
    options: set[tuple[int, ...]] = set()
    for own in {tuple(s) for s in slices.tolist() if s[0] > 0}:
        options |= {tuple(map(min, own, other)) for other in options} | {own}
    return np.array(sorted(options), dtype=np.int64).reshape(-1, 3)


def with_parts(options: Slices, multiple: int) -> Slices:
    """Adds to slices, shape (M, 3), their first eighths of output channels, in whole multiples."""
    parts = np.repeat(options[None], PARTS - 1, axis=0)
    eighths = np.arange(1, PARTS)[:, None]
    parts[..., 0] = parts[..., 0] * eighths // (PARTS * multiple) * multiple
    parts = parts[parts[..., 0] > 0]
    return np.unique(np.concatenate([options, parts]), axis=0)


class Packer:
    """Packs for one SuperNet on one board; holds what all mixes share.

    Args:
        supernet: The SuperNet.
        board: The board.
    """

    def __init__(self, supernet: SuperNet, board: Board):
        self.num_slots, self.board = supernet.num_slots, board
        options = [layer_options(supernet.slices[:, n]) for n in range(supernet.num_slots)]
        if board.double_buffered:
            options = [with_parts(of_layer, board.kp) for of_layer in options]
        # Options of all layers side by side, padded with empty ones: shape (M, N, 3). Layers
        # do not interact, so one row of it gives the savings of one option of every layer.
        self.grid = np.zeros((max(map(len, options)), supernet.num_slots, 3), dtype=np.int64)
        for n, of_layer in enumerate(options):
            self.grid[: len(of_layer), n] = of_layer
        self.bytes = self._taken(self.grid)
        self.saved = saved_cycles(supernet, board, self.grid)  # (M, S, N)

    def _taken(self, slices: Slices) -> NDArray[np.int64]:
        """Bytes that slices take of the Persistent Buffer, shape (..., 3) to (...)."""
        return stored_slices(slices, self.board).prod(axis=-1)

    def pack(
        self, q: Array, budget: int, within: Slices | None = None, first_slot: int = 0
    ) -> Slices:
        """The slices for a mix.

        Args:
            q: Weight of each SubNet, shape (S,).
            budget: Bytes that may be held.
            within: If given, slices that nothing may exceed, shape (N, 3).
            first_slot: Layer that wins ties; after it those that follow, cyclically.

        Returns:
            Slices, shape (N, 3), of at most `budget` bytes.
        """
        slices = np.zeros((self.num_slots, 3), dtype=np.int64)
        left, stopped, cut = budget, set(), False
        for slot, option in self._steps(q, within, first_slot):
            target, present = self.grid[option, slot], slices[slot]
            if slot in stopped:
                continue
            held = int(self._taken(present))
            extra = int(self.bytes[option, slot]) - held
            if extra <= left:
                slices[slot] = target
                left -= extra
                continue
            stopped.add(slot)
            if not cut:
                cut = True
                channels = (left + held) // int(target[1] * target[2])
                channels -= channels % self.board.kp
                if channels > 0 and channels >= present[0]:
                    slices[slot] = channels, target[1], target[2]
                    left += held - int(slices[slot].prod())
        return slices

    def _steps(self, q: Array, within: Slices | None, first_slot: int) -> list[tuple[int, int]]:
        """Steps along all layers' efficient frontiers, best first, as (slot, option)."""
        value = (self.saved * q[None, :, None]).sum(axis=1)  # (M, N)
        allowed = self.bytes > 0
        if within is not None:
            allowed &= (self.grid <= within[None]).all(axis=-1)
        at_bytes, at_value = np.zeros(self.num_slots), np.zeros(self.num_slots)
        slots = np.arange(self.num_slots)
        steps: list[tuple[float, int, int, int, int]] = []
        for step in range(len(self.grid)):
            ahead = allowed & (self.bytes > at_bytes) & (value > at_value)
            density = np.full(value.shape, -np.inf)
            np.divide(value - at_value, self.bytes - at_bytes, out=density, where=ahead)
            best = density.argmax(axis=0)
            gain = density[best, slots]
            moved = np.flatnonzero(np.isfinite(gain))
            if not len(moved):
                break
            for slot in moved.tolist():
                rank = (slot - first_slot) % self.num_slots
                # Nine digits: the last bits of a sum must not decide between equals.
                steps.append((-float(f"{gain[slot]:.8e}"), rank, slot, step, int(best[slot])))
            at_bytes[moved] = self.bytes[best[moved], moved]
            at_value[moved] = value[best[moved], moved]
        return [(slot, option) for _, _, slot, _, option in sorted(steps)]
