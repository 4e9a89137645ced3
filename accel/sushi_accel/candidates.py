"""SubGraph candidates: which slices of the SuperNet are worth keeping in the Persistent Buffer.

A candidate is built for a *mix*, a probability distribution q over SubNets. Its objective is
the mean number of cycles it saves, `sum_i q_i * saved(i, slice)`, under the board's timing,
within the Persistent Buffer. Per layer the choices are the leading slices that SubNets share
(all meets of their slices); picking one per layer is a multiple-choice knapsack, solved
greedily on each layer's efficient frontier, best cycles per byte first. The first increment
that no longer fits is cut to the output channels that do.

Mixes are: every SubNet alone, every pair, and every larger subset, in this order. A little of
the uniform mix is stirred into each, so that of two slices worth the same to a mix's own
SubNets the one that others can use is kept.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sushi_accel.board import Board
from sushi_accel.errors import InputError
from sushi_accel.subgraph import SubGraph, empty_subgraph, overlap
from sushi_accel.supernet import SuperNet
from sushi_accel.timing import Array, layer_cycles, layer_work, resident_sweeps

UNIFORM_SHARE = 0.01


def saved_cycles(supernet: SuperNet, board: Board, slices: NDArray[np.int64]) -> Array:
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
    with_pb = layer_cycles(work, board, held.prod(axis=-1), resident_sweeps(layers, held, board))
    return layer_cycles(work, board, np.zeros(1), np.zeros(1)) - with_pb


def _mixes(num_subnets: int) -> list[tuple[tuple[int, ...], Array]]:
    """All subsets of SubNets, smallest first, with their distributions."""
    uniform = np.full(num_subnets, 1 / num_subnets)
    mixes = []
    for size in range(1, num_subnets + 1):
        for members in combinations(range(num_subnets), size):
            q = np.zeros(num_subnets)
            q[list(members)] = 1 / size
            mixes.append((members, (1 - UNIFORM_SHARE) * q + UNIFORM_SHARE * uniform))
    return mixes


def _layer_options(slices: NDArray[np.int64]) -> NDArray[np.int64]:
    """Distinct non-empty meets of SubNets' slices of one layer: shape (S, 3) to (M, 3)."""
    options = {tuple(s) for s in slices.tolist() if s[0] > 0}
    while True:
        meets = {tuple(map(min, a, b)) for a in options for b in options}
        if meets <= options:
            return np.array(sorted(options), dtype=np.int64).reshape(-1, 3)
        options |= meets


class _Chooser:
    """Builds the candidate of a mix; holds what all mixes share."""

    def __init__(self, supernet: SuperNet, board: Board):
        self.supernet, self.board = supernet, board
        options = [_layer_options(supernet.slices[:, n]) for n in range(supernet.num_slots)]
        self.slots = np.concatenate([np.full(len(o), n) for n, o in enumerate(options)])
        self.options = np.concatenate(options)
        self.bytes = self.options.prod(axis=-1)
        # One option at a time is enough: layers do not interact.
        width = max(len(o) for o in options)
        grid = np.zeros((width, supernet.num_slots, 3), dtype=np.int64)
        for n, o in enumerate(options):
            grid[: len(o), n] = o
        saved = saved_cycles(supernet, board, grid)
        rank = np.concatenate([np.arange(len(o)) for o in options])
        self.saved = saved[rank, :, self.slots]  # (options, S)

    def increments(self, value: Array) -> list[tuple[float, int, int]]:
        """Steps along every layer's efficient frontier: (cycles per byte, slot, option)."""
        steps = []
        for slot in range(self.supernet.num_slots):
            here = np.flatnonzero(self.slots == slot)
            at_bytes, at_value = 0.0, 0.0
            while True:
                ahead = here[(self.bytes[here] > at_bytes) & (value[here] > at_value)]
                if not len(ahead):
                    break
                density = (value[ahead] - at_value) / (self.bytes[ahead] - at_bytes)
                best = ahead[np.argmax(density)]
                steps.append((float(density.max()), slot, int(best)))
                at_bytes, at_value = self.bytes[best], value[best]
        return sorted(steps, key=lambda step: (-step[0], step[1]))

    def build(self, q: Array, budget: int) -> NDArray[np.int64]:
        """The slices for mix `q` within `budget` bytes, shape (N, 3)."""
        slices = np.zeros((self.supernet.num_slots, 3), dtype=np.int64)
        left = budget
        for _, slot, option in self.increments(self.saved @ q):
            target = self.options[option]
            extra = int(self.bytes[option] - slices[slot].prod())
            if extra > left:
                channels = (left + int(slices[slot].prod())) // int(target[1] * target[2])
                channels -= channels % self.board.kp
                cut = np.array([channels, target[1], target[2]])
                if channels > 0 and (cut >= slices[slot]).all():
                    slices[slot] = cut
                break
            slices[slot] = target
            left -= extra
        return slices


def build_candidates(supernet: SuperNet, board: Board, count: int = 16) -> list[SubGraph]:
    """Builds `count` SubGraphs that fit the board's Persistent Buffer, the empty one first.

    From the pool of one candidate per mix (see the module), duplicates removed, the kept set
    grows one candidate at a time: the one that leaves the smallest worst regret over the mixes,
    regret being the saved cycles that the kept set gives up against the whole pool.

    Args:
        supernet: The SuperNet.
        board: The board.
        count: Number of SubGraphs G wanted, the empty one included.

    Returns:
        At most `count` SubGraphs; fewer where the SuperNet has fewer that differ.

    Raises:
        InputError: If `count` is below 1.
    """
    if count < 1:
        raise InputError(f"number of SubGraphs = {count}, must be at least 1")
    chooser = _Chooser(supernet, board)
    mixes = _mixes(len(supernet.subnets))
    pool: dict[bytes, SubGraph] = {}
    for members, q in mixes:
        slices = chooser.build(q, board.pb_bytes)
        if slices.any():
            name = "+".join(supernet.subnets[i].name for i in members)
            pool.setdefault(slices.tobytes(), SubGraph(name, slices))
    built = list(pool.values())
    kept = [empty_subgraph(supernet.num_slots)]
    if built:
        stacked = np.stack([g.slices for g in built])
        saved = saved_cycles(supernet, board, stacked).sum(axis=-1)  # (M, S)
        value = np.stack([q for _, q in mixes]) @ saved.T  # (mixes, M)
        kept += [built[m] for m in _thin(value, count - 1)]
    return kept


def _thin(value: Array, count: int) -> list[int]:
    """Picks `count` columns of `value` (mixes x candidates) so that the worst regret is least."""
    best = value.max(axis=1)
    held = np.zeros(len(value))
    chosen: list[int] = []
    while len(chosen) < min(count, value.shape[1]):
        regret = best[:, None] - np.maximum(held[:, None], value)
        regret[:, chosen] = np.inf
        pick = int(np.lexsort((regret.mean(axis=0), regret.max(axis=0)))[0])
        chosen.append(pick)
        held = np.maximum(held, value[:, pick])
    return sorted(chosen)
