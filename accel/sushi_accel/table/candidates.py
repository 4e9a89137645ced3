"""SubGraph candidates: which slices of the SuperNet are worth keeping in the Persistent Buffer.

A candidate is built for a *mix*, a probability distribution q over SubNets. Its objective is
the mean number of cycles it saves, `sum_i q_i * saved(i, slice)`, under the board's timing,
within a budget of bytes; see `sushi_accel.table.packing`. The mixes are the uniform ones over every
subset of SubNets: each alone, the pairs, and so on to all of them. A little of the uniform mix
over all is stirred into each, so that of two slices worth the same to a mix's own SubNets the
one that others can use is kept.

The pool holds, in this order and without duplicates:

1. for every mix, the best use of the whole Persistent Buffer (`A+B`);
2. for every mix of several, the same with nothing but what its SubNets all share (`A&B`).

Only if these are too few, as on a board on which all bytes are worth the same, and only for
each SubNet alone and for all together:

3. ties decided for another layer and those after it, 15 layers evenly spaced (`A @32`);
4. three quarters, half and a quarter of the Persistent Buffer, which take less time to load
   (`A 48/64`);
5. all other 64ths of it.

From the pool, the kept set grows one candidate at a time: the one that leaves the smallest
worst regret over the mixes, regret being the saved cycles that the kept set gives up against
the whole pool. Then single candidates are exchanged as long as that lowers the worst regret,
or the mean one at the same worst.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations, islice

import numpy as np

from sushi_accel.boards.board import Board
from sushi_accel.errors import InputError
from sushi_accel.model.timing import Array
from sushi_accel.supernets.subgraph import SubGraph, empty_subgraph
from sushi_accel.supernets.supernet import SuperNet
from sushi_accel.table.packing import Packer, saved_cycles

UNIFORM_SHARE = 0.01
MAX_MIXES = 128
"""All subsets of up to seven SubNets; of more, the smallest subsets, and all together."""

TIE_STARTS = 16
PARTS = 64

SIGNIFICANT_DIGITS = 9
"""Figures are compared to so many digits, so that the last bit of a sum, which differs between
machines, cannot change what is chosen."""


def mixes(num_subnets: int) -> list[tuple[tuple[int, ...], Array]]:
    """The mixes: their members, and their distributions, shape (S,)."""
    everyone = tuple(range(num_subnets))
    subsets = (c for size in range(1, num_subnets) for c in combinations(everyone, size))
    members = [*islice(subsets, MAX_MIXES - 1), everyone]
    uniform = np.full(num_subnets, UNIFORM_SHARE / num_subnets)
    found = []
    for chosen in members:
        q = uniform.copy()
        q[list(chosen)] += (1 - UNIFORM_SHARE) / len(chosen)
        found.append((chosen, q))
    return found


def _pool(supernet: SuperNet, board: Board) -> Iterator[list[SubGraph]]:
    """The parts of the pool, duplicates included."""
    packer = Packer(supernet, board)
    all_mixes = mixes(len(supernet.subnets))

    def name(members: tuple[int, ...], sign: str = "+") -> str:
        return sign.join(supernet.subnets[i].name for i in members)

    yield [SubGraph(name(m), packer.pack(q, board.pb_bytes)) for m, q in all_mixes]
    yield [
        SubGraph(
            name(m, "&"),
            packer.pack(q, board.pb_bytes, within=supernet.slices[list(m)].min(axis=0)),
        )
        for m, q in all_mixes
        if len(m) > 1
    ]
    few = [(m, q) for m, q in all_mixes if len(m) in (1, len(supernet.subnets))]
    starts = sorted({supernet.num_slots * k // TIE_STARTS for k in range(1, TIE_STARTS)} - {0})
    yield [
        SubGraph(f"{name(m)} @{start}", packer.pack(q, board.pb_bytes, first_slot=start))
        for start in starts
        for m, q in few
    ]
    quarters = [PARTS * k // 4 for k in (3, 2, 1)]
    for parts in (quarters, [k for k in range(PARTS - 1, 0, -1) if k not in quarters]):
        yield [
            SubGraph(f"{name(m)} {k}/{PARTS}", packer.pack(q, board.pb_bytes * k // PARTS))
            for k in parts
            for m, q in few
        ]


def build_candidates(supernet: SuperNet, board: Board, count: int = 16) -> list[SubGraph]:
    """Builds `count` SubGraphs that fit the board's Persistent Buffer, the empty one first.

    The same arguments give the same SubGraphs on any machine; see the module for how. It takes
    some 0.3 s; the latest few results are kept.

    Args:
        supernet: The SuperNet.
        board: The board.
        count: Number of SubGraphs G wanted, the empty one included.

    Returns:
        `count` SubGraphs; fewer only where the whole pool holds fewer that differ, as without
        a Persistent Buffer.

    Raises:
        InputError: If `count` is below 1.
    """
    if count < 1:
        raise InputError(f"number of SubGraphs = {count}, must be at least 1")
    return list(_chosen(supernet, board, count))


@lru_cache(maxsize=64)
def _chosen(supernet: SuperNet, board: Board, count: int) -> tuple[SubGraph, ...]:
    kept = [empty_subgraph(supernet.num_slots)]
    distinct: dict[bytes, SubGraph] = {}
    for number, part in enumerate(_pool(supernet, board)):
        if number >= 2 and len(distinct) >= count - 1:
            break
        for graph in part:
            if graph.slices.any():
                distinct.setdefault(graph.slices.tobytes(), graph)
    pool = list(distinct.values())
    if pool:
        saved = saved_cycles(supernet, board, np.stack([g.slices for g in pool])).sum(axis=-1)
        weights = np.stack([q for _, q in mixes(len(supernet.subnets))])
        value = (weights[:, None] * saved[None]).sum(axis=-1)  # (mixes, pool)
        kept += [pool[m] for m in thin(value, count - 1)]
    for graph in kept:  # shared by all who ask
        graph.slices.flags.writeable = False
    return tuple(kept)


def thin(value: Array, count: int) -> list[int]:
    """Picks columns so that the worst regret over the rows is small, one after another.

    Args:
        value: What each candidate saves each mix, shape (mixes, candidates).
        count: How many to pick; all of them if there are no more.

    Returns:
        The picked columns, ascending.
    """
    count = min(count, value.shape[1])
    best = value.max(axis=1)
    scale = max(float(best.max()), 1e-300)

    def addition(columns: list[int]) -> tuple[tuple[float, float], int]:
        """The best column to add: the (worst, mean) regret then left, and which it is."""
        held = value[:, columns].max(axis=1, initial=0.0)
        regret = (best[:, None] - np.maximum(held[:, None], value)) / scale
        worst = np.round(regret.max(axis=0), SIGNIFICANT_DIGITS)
        mean = np.round(regret.mean(axis=0), SIGNIFICANT_DIGITS)
        worst[columns] = np.inf
        pick = int(np.lexsort((mean, worst))[0])
        return (float(worst[pick]), float(mean[pick])), pick

    chosen: list[int] = []
    left, before = (0.0, 0.0), None
    while len(chosen) < count:
        left, pick = addition(chosen)
        chosen.append(pick)
    while left > (0.0, 0.0) and left != before:
        before = left
        for old in list(chosen):
            others = [column for column in chosen if column != old]
            exchanged, pick = addition(others)
            if exchanged < left:
                chosen, left = [*others, pick], exchanged
    return sorted(chosen)
