"""The closed-form timing, against silicon and against its own mechanism run step by step."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sushi_accel import ConvLayer, SubNet, SuperNet, get_board, get_supernet
from sushi_accel.model.timing import layer_cycles, layer_work, network_latency_s, resident_sweeps
from sushi_accel.supernets.subgraph import overlap

BOARDS = ("zcu104", "zcu104-overlapped")


@pytest.mark.parametrize("name", BOARDS)
def test_predictions_match_the_measured_layers(measured_csv, name):
    with measured_csv.open() as file:
        rows = [row for row in csv.DictReader(file) if row["measured_latency_us"]]
    board = replace(get_board(name), driver_overhead=True)
    supernet = get_supernet("resnet50")
    cycles = layer_cycles(layer_work(supernet.layers, board), board, np.zeros(1), np.zeros(1))
    index = {subnet.name: i for i, subnet in enumerate(supernet.subnets)}
    predicted = np.array([cycles[index[r["subnet"]], int(r["supernet_layer"])] for r in rows])
    predicted_us = predicted / board.clock_hz * 1e6
    measured_us = np.array([float(r["measured_latency_us"]) for r in rows])
    assert len(rows) == 52
    error = np.abs(predicted_us / measured_us - 1)
    assert error.mean() <= 0.016
    assert error.max() <= 0.075
    for subnet in "ACE":
        mine = np.array([r["subnet"] == subnet for r in rows])
        assert predicted_us[mine].sum() == pytest.approx(measured_us[mine].sum(), rel=0.01)


def chained(board, sweep, burst, resident, streamed):
    """Cycles of one layer's sweeps, wait by wait, as the module describes the mechanism."""
    sweep_end, burst_end, ends = 0.0, 0.0, []
    for m in range(resident + streamed):
        fetched = m - resident
        if fetched < 0:
            sweep_end += sweep
        elif board.double_buffered:
            freed = ends[fetched - board.prefetch_sweeps] if fetched >= board.prefetch_sweeps else 0
            burst_end = max(burst_end, freed) + burst
            sweep_end = max(sweep_end, burst_end) + sweep
            ends.append(sweep_end)
        else:
            sweep_end += burst + sweep
    return sweep_end


@settings(max_examples=300, deadline=None)
@given(
    out_channels=st.integers(1, 200),
    in_channels=st.integers(1, 300),
    kernel=st.sampled_from([1, 3, 5, 7]),
    in_size=st.integers(1, 20),
    held=st.tuples(*[st.floats(0, 1)] * 2),
    bandwidth=st.floats(1e8, 1e10),
    double=st.booleans(),
    depth=st.integers(2, 9),
)
def test_closed_form_equals_the_mechanism(
    out_channels, in_channels, kernel, in_size, held, bandwidth, double, depth
):
    board = replace(
        get_board("zcu104"),
        bandwidth_bytes_per_s=bandwidth,
        double_buffered=double,
        db_bytes=depth * 1296,
        cycles_per_sweep=3.0,
    )
    layer = ConvLayer(0, out_channels, in_channels, kernel, 1, kernel // 2, in_size)
    net = SuperNet("one", 1, (SubNet("x", 75.0, in_size, (layer,)),))
    work = layer_work(net.layers, board)
    slices = np.array([[[int(out_channels * held[0]), int(in_channels * held[1]), kernel**2]]])
    shared = overlap(slices, slices)
    resident = resident_sweeps(net.layers, shared, board)
    held_bytes = shared.bytes.astype(float)
    r = int(resident.item())
    n = int(work.sweeps.item()) - r
    port = (layer.weight_bytes - held_bytes.item()) / board.bytes_per_cycle
    array = chained(board, work.sweep_cycles.item(), port / max(n, 1), r, n)
    maps = layer.in_channels * in_size**2 + layer.out_channels * layer.out_size**2
    expected = max(array, port + maps / board.bytes_per_cycle)
    assert layer_cycles(work, board, held_bytes, resident).item() == pytest.approx(expected)


def test_stride_costs_nothing_and_one_by_one_kernels_fold_channels():
    board = get_board("zcu104")

    def work(kernel, stride, in_channels=81, depthwise=False):
        layer = ConvLayer(0, 16, in_channels, kernel, stride, kernel // 2, 20, depthwise)
        return layer_work(SuperNet("one", 1, (SubNet("x", 1.0, 20, (layer,)),)).layers, board)

    assert work(3, 2).sweep_cycles == work(3, 1).sweep_cycles
    assert work(1, 1).sweeps == 1
    assert work(3, 1).sweeps == 9
    assert work(5, 1).sweeps == 9 * 3
    assert work(5, 1, in_channels=16, depthwise=True).sweeps == 3


def test_a_faster_board_is_never_slower():
    supernet = get_supernet("resnet50")
    slow = get_board("zcu104")
    fast = replace(slow, bandwidth_bytes_per_s=2 * slow.bandwidth_bytes_per_s)
    before, after = (
        network_latency_s(layer_work(supernet.layers, board), board) for board in (slow, fast)
    )
    assert (after < before).all()
