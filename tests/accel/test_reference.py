"""The reference simulator and the closed form agree to one cycle, everywhere."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sushi_accel import (
    Board,
    ConvLayer,
    SubNet,
    SuperNet,
    board_names,
    build_candidates,
    build_table,
    get_board,
    get_supernet,
    supernet_names,
)
from sushi_accel.model.reference import simulate_layer, simulate_subnet, strips, tiles
from sushi_accel.model.timing import layer_cycles, layer_work, resident_sweeps
from sushi_accel.supernets.subgraph import SubGraph, overlap

MECHANISMS = [name for name in board_names() if not name.startswith("edgetpu_usb")]
"""Boards that differ in more than constants from those before them."""


def closed_form(supernet: SuperNet, board: Board, slices: np.ndarray) -> np.ndarray:
    """Cycles per layer, shape (S, N)."""
    shared = overlap(supernet.slices, slices)
    sweeps = resident_sweeps(supernet.layers, shared, board)
    return layer_cycles(layer_work(supernet.layers, board), board, shared.bytes, sweeps)


def assert_agreement(supernet: SuperNet, board: Board, graph: SubGraph, subnets: range) -> None:
    expected = closed_form(supernet, board, graph.slices)
    for i in subnets:
        for run in simulate_subnet(supernet.subnets[i], board, graph):
            assert abs(run.cycles - expected[i, run.layer.slot]) <= 1, (graph.name, run.layer)


@pytest.mark.parametrize("supernet", supernet_names())
@pytest.mark.parametrize("board", MECHANISMS)
def test_agreement_on_the_smallest_and_largest_subnet(supernet, board):
    net, brd = get_supernet(supernet), get_board(board)
    graphs = build_candidates(net, brd, 4)
    for graph, i in ((graphs[0], 0), (graphs[1], 0), (graphs[-1], len(net.subnets) - 1)):
        assert_agreement(net, brd, graph, range(i, i + 1))


@pytest.mark.slow
@pytest.mark.parametrize("supernet", supernet_names())
@pytest.mark.parametrize("board", board_names())
def test_agreement_on_every_layer_of_every_subnet_under_every_subgraph(supernet, board):
    net, brd = get_supernet(supernet), get_board(board)
    for graph in build_candidates(net, brd):
        assert_agreement(net, brd, graph, range(len(net.subnets)))


layers = st.builds(
    lambda k, c, kernel, stride, pad, size, deep: ConvLayer(
        0, k, k if deep else c, kernel, stride, min(pad, kernel // 2), max(size, kernel), deep
    ),
    st.integers(1, 150),
    st.integers(1, 250),
    st.sampled_from([1, 2, 3, 4, 5, 7, 9]),
    st.integers(1, 3),
    st.integers(0, 4),
    st.integers(1, 24),
    st.booleans(),
)
boards = st.builds(
    lambda kp, cp, bandwidth, flags, per_position, per_sweep, depth, chip: Board(
        name="any",
        clock_hz=1e8,
        kp=kp,
        cp=cp,
        bandwidth_bytes_per_s=bandwidth,
        db_bytes=depth * kp * cp * chip["taps"],
        double_buffered=flags[0],
        stage_inputs=flags[1],
        stream_padding=flags[2],
        driver_overhead=flags[3],
        driver_cycles=5000.0,
        cycles_per_position=per_position,
        cycles_per_sweep=per_sweep,
        **chip,
    ),
    st.integers(1, 40),
    st.integers(1, 40),
    st.floats(1e7, 1e11),
    st.tuples(*[st.booleans()] * 4),
    st.floats(0.5, 3),
    st.floats(0, 50),
    st.integers(2, 12),
    st.fixed_dictionaries(
        {
            "taps": st.sampled_from([3, 9]),
            "positions": st.sampled_from([1, 4, 16]),
            "weights_in_tiles": st.booleans(),
            "maps_on_chip": st.booleans(),
            "map_cycles_per_byte": st.sampled_from([0.0, 0.4]),
            "map_bytes": st.sampled_from([0, 20_000, 50_000]),
            "strip_bytes": st.sampled_from([0, 5_000, 20_000]),
        }
    ),
)


@settings(max_examples=200, deadline=None)
@given(layer=layers, board=boards, held=st.tuples(*[st.floats(0, 1)] * 3))
def test_agreement_on_any_layer_board_and_subgraph(layer, board, held):
    own = (layer.out_channels, layer.weight_channels, layer.kernel**2)
    slices = np.array([[round(h * o) for h, o in zip(held, own, strict=True)]])
    net = SuperNet("one", 1, (SubNet("x", 75.0, layer.in_size, (layer,)),))
    run = simulate_layer(layer, board, tuple(slices[0].tolist()))
    expected = closed_form(net, board, slices)
    assert abs(run.cycles - expected.item()) <= 1
    assert run.resident_bytes == overlap(net.slices, slices).bytes.sum()


@settings(max_examples=100, deadline=None)
@given(layer=layers, board=boards, held=st.tuples(*[st.floats(0, 1)] * 2))
def test_physics_of_a_run(layer, board, held):
    """No resource does two things at once, nothing is lost, and caching never slows."""
    slice_ = (round(layer.out_channels * held[0]), round(layer.weight_channels * held[1]), 81)
    run = simulate_layer(layer, board, slice_)
    for kinds in ({"sweep", "write"}, {"fetch", "maps", "stage"}):
        spans = [span for span in run.spans if span.kind in kinds]
        ends = [span.end for span in spans]
        assert all(b.start >= a - 1e-6 for a, b in zip(ends, spans[1:], strict=False))
    port = sum(s.end - s.start for s in run.spans if s.kind in {"fetch", "maps", "stage"})
    assert port * board.bytes_per_cycle == pytest.approx(run.offchip_bytes)
    sweeps = sum(1 for _ in tiles(layer, board)) * strips(layer, board)
    assert sum(s.kind == "sweep" for s in run.spans) == sweeps
    assert max(span.end for span in run.spans) == pytest.approx(run.cycles)
    assert run.cycles <= simulate_layer(layer, board).cycles + 1


def test_tiles_cover_the_weights_once():
    layer = ConvLayer(0, 37, 22, 5, 1, 2, 8)
    covered = np.zeros((37, 22, 25), dtype=int)
    for k, c, taps in tiles(layer, get_board("zcu104")):
        covered[k.start : k.stop, c.start : c.stop, taps.start : taps.stop] += 1
    assert (covered == 1).all()


def test_tables_hold_the_simulated_latency():
    net, board = get_supernet("resnet50"), get_board("zcu104-overlapped")
    graphs = build_candidates(net, board, 5)
    table = build_table(net, board, graphs)
    runs = simulate_subnet(net.subnets[0], board, graphs[2])
    seconds = sum(run.cycles for run in runs) / board.clock_hz
    assert table.latency_s[0, 2] == pytest.approx(seconds, abs=61 / board.clock_hz)
    assert table.resident_bytes[0, 2] == sum(run.resident_bytes for run in runs)
    assert table.offchip_bytes[0, 2] == pytest.approx(sum(run.offchip_bytes for run in runs))


def test_a_deeper_dynamic_buffer_turns_resident_sweeps_into_a_head_start():
    layer = ConvLayer(0, 320, 90, 3, 1, 1, 5)
    shallow = replace(get_board("zcu104-overlapped"), db_bytes=2 * 1296)
    deep = replace(shallow, db_bytes=64 * 1296)
    held = (160, 90, 9)
    assert simulate_layer(layer, deep, held).cycles < simulate_layer(layer, shallow, held).cycles
    assert simulate_layer(layer, deep).cycles == simulate_layer(layer, shallow).cycles
