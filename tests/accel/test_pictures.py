"""Pictures: files of some substance, and what they show is what was computed."""

import io
import struct
import zlib
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.patches import StepPatch

from sushi_accel import ConvLayer, build_candidates, build_table, get_board, get_supernet
from sushi_accel.model.reference import simulate_subnet
from sushi_accel.pictures import roofline, saved_latency, scatter, timeline
from sushi_accel.silicon.measurements import Measurements
from sushi_accel.silicon.validation import predict_us, validate_board


def pixels(figure) -> np.ndarray:
    """The figure's PNG, decoded here: shape (height, width, 4), and every byte of it checked."""
    file = io.BytesIO()
    figure.set_dpi(60)
    figure.savefig(file, format="png")
    data = file.getvalue()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    at, packed = 8, b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + length :][:4])[0]
        packed += body if kind == b"IDAT" else b""
        at += 12 + length
    assert len(zlib.decompress(packed)) == height * (1 + 4 * width)
    return np.asarray(figure.canvas.buffer_rgba())


def assert_substance(figure) -> None:
    image = pixels(figure)
    assert min(image.shape[:2]) >= 150
    colours = np.unique(image.reshape(-1, 4), axis=0)
    assert len(colours) > 30
    background = (image == image[0, 0]).all(axis=-1).mean()
    assert 0.1 < background < 0.99


def texts(axis) -> list[str]:
    axis.figure.canvas.draw()
    return [label.get_text() for label in axis.get_ticklabels() if label.get_text()]


@pytest.fixture(scope="module")
def small_runs():
    net, board = get_supernet("mobilenetv3"), get_board("zcu104-overlapped")
    graph = build_candidates(net, board, 2)[1]
    subnet = replace(net.subnets[0], layers=net.subnets[0].layers[-12:])
    return board, simulate_subnet(subnet, board), simulate_subnet(subnet, board, graph)


def test_roofline(small_runs):
    board, plain, cached = small_runs
    figure = roofline(plain, cached, board, "a title")
    assert_substance(figure)
    (ax,) = figure.axes
    assert ax.get_title() == "a title"
    before, after = (np.asarray(points.get_offsets()) for points in ax.collections)
    assert len(before) == len(plain)
    assert len(after) == sum(run.resident_bytes > 0 for run in cached) > 0
    x, y = before[0]
    assert x == pytest.approx(plain[0].layer.macs / plain[0].offchip_bytes)
    assert y == pytest.approx(plain[0].layer.macs / plain[0].cycles * board.clock_hz / 1e9)
    roof = np.minimum(board.macs_per_s, before[:, 0] * board.bandwidth_bytes_per_s)
    assert (before[:, 1] <= roof / 1e9 * 1.0001).all()


def test_roofline_with_nothing_cached(small_runs):
    board, plain, _ = small_runs
    assert_substance(roofline(plain, plain, board, "nothing"))


def test_timeline_heights_are_the_share_of_time_busy(small_runs):
    board, plain, cached = small_runs
    figure = timeline({"plain": plain, "cached": cached}, board, "a title")
    assert_substance(figure)
    assert len(figure.axes) == 2
    total = sum(run.cycles for run in plain) / board.clock_hz * 1e3
    assert figure.axes[0].get_title("left") == f"plain: {total:.3f} ms"
    array = next(patch for patch in figure.axes[0].patches if isinstance(patch, StepPatch))
    values, edges, baseline = array.get_data()
    busy_ms = ((values - baseline) / 0.8 * np.diff(edges)).sum()
    swept = sum(s.end - s.start for run in plain for s in run.spans if s.kind == "sweep")
    assert busy_ms == pytest.approx(swept / board.clock_hz * 1e3)
    assert ((values - baseline) <= 0.8 + 1e-9).all()


@pytest.mark.parametrize("count", [1, 5, 60])
def test_heat_map_of_few_and_many_subgraphs(count):
    table = build_table(get_supernet("resnet50"), get_board("paper_roofline"), num_subgraphs=count)
    figure = saved_latency(table)
    assert figure.get_size_inches()[0] <= 26
    shown = [text.get_text() for text in figure.axes[0].texts]
    assert len(shown) == (6 * count if count <= 40 else 0)
    if count == 5:
        assert_substance(figure)
        assert texts(figure.axes[0].xaxis) == list(table.subgraph_names)
        saved = 100 * (1 - table.latency_s[0, 3] / table.latency_s[0, 0])
        assert shown[3] == f"{saved:.1f}"


def test_scatter_labels_its_axes_with_plain_numbers_that_do_not_overlap():
    layers = tuple(ConvLayer(n, 16 * n, 16 * n, 3, 1, 1, 40) for n in range(1, 9))
    m = Measurements(("A", "B") * 4, tuple(range(8)), layers, np.full(8, np.nan))
    board = get_board("zcu104")
    m = replace(m, measured_us=predict_us(m, board) * 1.01)
    figure = scatter(validate_board(m, board), board)
    assert_substance(figure)
    labels = texts(figure.axes[1].xaxis)
    assert len(labels) >= 3
    assert all(float(label) > 0 and "$" not in label for label in labels)
    boxes = [
        label.get_window_extent()
        for label in figure.axes[1].xaxis.get_ticklabels(which="both")
        if label.get_text()
    ]
    visible = sorted((box.x0, box.x1) for box in boxes)
    assert all(a[1] < b[0] for a, b in pairwise(visible))
