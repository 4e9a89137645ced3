"""SubGraph candidates: packing, pool and thinning, against brute force where it can be done."""

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sushi_accel import ConvLayer, SubNet, SuperNet, build_candidates, build_table, get_board
from sushi_accel.table.candidates import MAX_MIXES, mixes, thin
from sushi_accel.table.packing import Packer, layer_options, saved_cycles, with_parts

BOARDS = ("zcu104", "zcu104-overlapped", "paper_roofline")
BUDGETS = (3_000, 8_000, 16_000, 40_000)


def small_supernet(count: int = 3) -> SuperNet:
    """Four elastic layers, few enough slices of which to try every combination."""
    shapes = (
        ((16, 9, 3), (32, 16, 1), (32, 32, 3)),
        ((32, 9, 3), (48, 32, 1), (32, 48, 3), (64, 32, 1)),
        ((32, 18, 5), (64, 32, 1), (64, 64, 3), (96, 64, 1)),
    )
    subnets = []
    for number, of_subnet in enumerate(shapes[:count]):
        layers = tuple(
            ConvLayer(slot, k, c, kernel, 1, kernel // 2, 14 >> (slot // 2))
            for slot, (k, c, kernel) in enumerate(of_subnet)
        )
        subnets.append(SubNet("SML"[number], 70.0 + number, 14, layers))
    return SuperNet("small", 4, tuple(subnets))


def all_combinations(net: SuperNet, kp: int) -> np.ndarray:
    """Every choice of a shared slice, or a part of one in whole tiles, per layer: (M, N, 3)."""
    choices = []
    for slot in range(net.num_slots):
        shared = {tuple(s) for s in layer_options(net.slices[:, slot]).tolist()}
        parts = {(k, c, t) for top, c, t in shared for k in range(kp, top, kp)}
        choices.append([(0, 0, 0), *sorted(shared | parts)])
    return np.array(list(product(*choices)))


@pytest.mark.parametrize("name", BOARDS)
def test_packing_comes_near_the_best_of_all_combinations(name):
    net, board = small_supernet(), get_board(name)
    packer = Packer(net, board)
    every = all_combinations(net, board.kp)
    sizes = every.prod(axis=-1).sum(axis=-1)
    saved = saved_cycles(net, board, every).sum(axis=-1)
    assert len(every) > 3_000
    reached = []
    for budget, (_, q) in product(BUDGETS, mixes(3)):
        slices = packer.pack(q, budget)
        assert slices.prod(axis=-1).sum() <= budget
        mine = (saved_cycles(net, board, slices[None]).sum(axis=-1) @ q).item()
        reached.append(mine / (saved @ q)[sizes <= budget].max())
    assert min(reached) >= 0.9
    assert np.mean(reached) >= 0.98


@pytest.mark.parametrize("name", BOARDS)
def test_what_all_share_is_packed_within_bounds_and_everything_if_it_fits(name):
    net, board = small_supernet(), get_board(name)
    packer = Packer(net, board)
    _, everyone = mixes(3)[-1]
    core = net.slices.min(axis=0)
    assert (packer.pack(everyone, 8_000, within=core) <= core).all()
    plenty = packer.pack(everyone, 10**9)
    best = saved_cycles(net, board, net.slices.max(axis=0)[None]).sum()
    assert saved_cycles(net, board, plenty[None]).sum() == pytest.approx(best)
    assert not packer.pack(everyone, 0).any()


def test_layer_options_are_all_meets():
    slices = np.array([[4, 9, 1], [8, 3, 9], [6, 6, 4], [0, 0, 0], [4, 9, 1]])
    rows = [tuple(s) for s in slices.tolist() if s[0]]
    expected = {
        tuple(map(min, zip(*some, strict=True)))
        for size in (1, 2, 3, 4)
        for some in combinations(rows, size)
    }
    assert {tuple(s) for s in layer_options(slices).tolist()} == expected
    assert layer_options(slices[3:4]).shape == (0, 3)


def test_parts_are_whole_tiles_of_the_leading_channels():
    parts = with_parts(np.array([[100, 7, 9], [20, 7, 9]]), 16)
    assert parts[:, 0].tolist() == [16, 20, 32, 48, 64, 80, 100]
    assert (parts[:, 1:] == (7, 9)).all()
    assert with_parts(np.zeros((0, 3), dtype=np.int64), 16).shape == (0, 3)


@pytest.mark.parametrize(("count", "reachable"), [(1, 1), (2, 2), (5, 5), (20, 20), (9999, None)])
@pytest.mark.parametrize("name", BOARDS)
def test_as_many_as_asked_for_fit_differ_and_come_again(name, count, reachable):
    net, board = small_supernet(), replace(get_board(name), pb_bytes=20_000)
    graphs, again = (build_candidates(net, board, count) for _ in range(2))
    assert 20 < len(graphs) < 9999 if reachable is None else len(graphs) == reachable
    assert [g.name for g in graphs] == [g.name for g in again]
    assert len({g.name for g in graphs}) == len(graphs)
    assert len({g.slices.tobytes() for g in graphs}) == len(graphs)
    for graph, same in zip(graphs, again, strict=True):
        np.testing.assert_array_equal(graph.slices, same.slices)
        assert graph.weight_bytes <= board.pb_bytes
        assert (graph.slices <= net.slices.max(axis=0)).all()
        assert ((graph.slices > 0).all(axis=-1) | (graph.slices == 0).all(axis=-1)).all()


@pytest.mark.parametrize("pb_bytes", [0, 1, 143, 10**9])
def test_persistent_buffers_too_small_or_large_for_a_choice(pb_bytes):
    net, board = small_supernet(), replace(get_board("zcu104"), pb_bytes=pb_bytes)
    graphs = build_candidates(net, board)
    assert graphs[0].weight_bytes == 0
    assert all(g.weight_bytes <= pb_bytes for g in graphs)
    assert (len(graphs) == 1) == (pb_bytes < 144)
    if pb_bytes == 10**9:  # everything fits: nothing is left to fetch
        table = build_table(net, board, graphs)
        fetched = table.weight_bytes - table.resident_bytes.max(axis=1)
        assert (fetched == 0).all()


def test_one_subnet_alone_has_candidates():
    graphs = build_candidates(small_supernet(1), replace(get_board("zcu104"), pb_bytes=5_000), 4)
    assert len(graphs) == 4


def test_mixes_are_all_subsets_and_no_more_than_allowed():
    three = mixes(3)
    assert [members for members, _ in three] == [
        (0,),
        (1,),
        (2,),
        (0, 1),
        (0, 2),
        (1, 2),
        (0, 1, 2),
    ]
    for members, q in three:
        assert q.sum() == pytest.approx(1)
        assert (q[list(members)] > 0.3).all()
        assert (q > 0).all()
    many = mixes(20)
    assert len(many) == MAX_MIXES
    assert many[-1][0] == tuple(range(20))
    assert len({members for members, _ in many}) == MAX_MIXES


def worst_regret(value: np.ndarray, columns) -> float:
    return float((value.max(axis=1) - value[:, list(columns)].max(axis=1)).max())


def test_thinning_a_tiny_pool_comes_near_the_best_of_all_choices():
    rng = np.random.default_rng(0)
    excess = []
    for _ in range(150):
        value, count = rng.random((6, 9)), int(rng.integers(1, 6))
        picked = thin(value, count)
        assert len(set(picked)) == count
        best = min(worst_regret(value, some) for some in combinations(range(9), count))
        excess.append(worst_regret(value, picked) - best)
    assert np.mean(np.array(excess) < 1e-8) >= 0.9
    assert np.mean(excess) < 0.01


def test_thinning_exchanges_a_compromise_for_two_specialists():
    """Alone the third is best; the two others together leave nothing to be desired."""
    value = np.array([[1.0, 0.0, 0.6], [0.0, 1.0, 0.6]])
    assert thin(value, 1) == [2]
    assert thin(value, 2) == [0, 1]
    assert thin(value, 3) == thin(value, 99) == [0, 1, 2]
    assert thin(value, 0) == []


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 6), st.integers(1, 8), st.integers(0, 9), st.integers(0, 2**32 - 1))
def test_thinning_is_better_the_more_it_may_keep(rows, columns, count, seed):
    value = np.random.default_rng(seed).integers(0, 5, (rows, columns)).astype(float)
    picked = thin(value, count)
    assert picked == sorted(set(picked)) == thin(value, count)
    assert len(picked) == min(count, columns)
    if count >= columns:
        assert worst_regret(value, picked) == 0
