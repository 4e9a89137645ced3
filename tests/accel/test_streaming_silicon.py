"""What a cached byte saves: Edge TPU measurements, predictions, and constants fitted to them."""

import csv
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sushi_accel import ConvLayer, InputError, get_board
from sushi_accel.silicon.published import Published, link_of, load_published
from sushi_accel.silicon.saving import slopes
from sushi_accel.silicon.streaming import validate_streaming
from sushi_accel.silicon.streaming_calibration import OF_LAYERS, calibrate_streaming
from sushi_accel.silicon.sweeps import (
    MIB,
    Sweeps,
    load_sweeps,
    predict_sweeps_ms,
    streamed_layers,
)
from sushi_accel.supernets.supernet import SubNet

SWEEP = (
    "kind,bus,run,n_or_F,layers,in_h,in_w,c_in,c_out,kernel,weight_bytes,off_chip_mib,latency_ms"
)
PRESETS = ("edgetpu_pcie", "edgetpu_usb", "edgetpu_usb_pi4")


@pytest.fixture(scope="module")
def measured(edgetpu_csvs) -> tuple[Sweeps, Published]:
    layers, networks = edgetpu_csvs
    return load_sweeps(layers), load_published(networks)


LIMITS = {
    "dense streamed": 0.015,
    "convolution streamed": 0.05,
    "convolution cached": 0.15,
    "networks that stream": 0.04,
    "networks that fit": 0.10,
}


def test_presets_explain_the_measurements_and_what_a_cached_byte_saves(measured):
    found = validate_streaming(measured[0], measured[1], get_board("edgetpu_pcie"))
    for kind, limit in LIMITS.items():
        assert found.errors[kind].mean_abs <= limit, kind
    assert found.errors["dense cached"].mean_abs <= 0.2
    assert [(s.link, s.rows) for s in found.savings] == [
        ("pcie", "dense layers"),
        ("pcie", "networks"),
        ("usb-x86", "networks"),
        ("usb-pi4", "networks"),
    ]
    assert all(saving.inside for saving in found.savings), found.savings
    assert sum(error.count for error in found.errors.values()) + sum(
        found.not_judged.values()
    ) == len(measured[0].kinds) + len(measured[1].names)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_what_calibration_fits(measured, name):
    preset = get_board(name)
    wrong = dict.fromkeys(("call_s", "stream_s", "map_cycles_per_byte"), 0.0)
    start = replace(preset, bandwidth_bytes_per_s=1e9, **wrong)
    if preset.link == "pcie":
        start = replace(start, cycles_per_position=3.0, io_bytes_per_s=0.0)
    found = calibrate_streaming(measured[0], measured[1], start)
    for constant in found.fitted:
        fitted = getattr(found.board, constant)
        assert getattr(preset, constant) == pytest.approx(float(f"{fitted:.4g}")), constant


@pytest.mark.parametrize("third", range(3))
def test_sizes_left_out_of_the_fit_are_predicted(measured, third):
    """Every third size of every sweep is left out."""
    sweeps = measured[0]
    runs = np.array(sweeps.runs, dtype=object)
    out = np.zeros(len(runs), dtype=bool)
    for run in dict.fromkeys(runs):
        out[np.flatnonzero(runs == run)[third::3]] = True
    fitted = calibrate_streaming(sweeps.subset(~out), None, get_board("edgetpu_pcie")).board
    found = validate_streaming(sweeps.subset(out), None, fitted)
    for kind, error in found.errors.items():
        assert error.mean_abs <= LIMITS.get(kind, 0.2), (kind, error)


@pytest.mark.slow
def test_families_left_out_of_the_fit_are_predicted(measured):
    """A family's own rows then only fix what the array takes of it."""
    sweeps, published = measured
    errors: dict[bool, list[float]] = {True: [], False: []}
    for name in PRESETS[1:]:
        preset = get_board(name)
        for family, rows in published.groups(preset.link).items():
            links = tuple(
                "" if ours and link == preset.link else link
                for link, ours in zip(published.links, rows, strict=True)
            )
            fitted = calibrate_streaming(sweeps, replace(published, links=links), preset).board
            found = validate_streaming(sweeps, published, fitted)
            error = np.abs(found.published_ms / published.measured_ms - 1)
            for n in np.flatnonzero(rows):
                errors[bool(published.streamed_mib[n] > 0)].append(float(error[n]))
            assert family in published.families
    assert np.mean(errors[True]) <= 0.05
    assert np.mean(errors[False]) <= 0.10


def test_whole_layers_that_the_compiler_streams():
    stored = np.array([6.6, 1.0, 1.0, 1.0, 0.1])
    for streamed, expected in (
        (0.0, [0, 0, 0, 0, 0]),
        (0.99, [0, 0, 0, 1, 0]),
        (2.1, [0, 0, 1, 1, 1]),
        (6.58, [1, 0, 0, 0, 0]),
        (8.61, [1, 0, 1, 1, 0]),
        (99.0, [1, 1, 1, 1, 1]),
    ):
        assert streamed_layers(stored, streamed).tolist() == [bool(e) for e in expected]
    assert streamed_layers(np.array([6.6, 0.1]), 6.61).tolist() == [True, False]


def test_the_cause_of_what_convolutions_on_large_maps_pay():
    """A layer that streams is sent once if its maps fit, and again for each strip if not."""
    board = get_board("edgetpu_pcie")

    def cost_per_mib(width: int, size: int) -> float:
        layers = tuple(ConvLayer(n, width, width, 3, 1, 1, size) for n in range(3))
        weights = layers[0].weight_bytes / MIB
        rows = Sweeps(
            ("conv",) * 2,
            ("pcie",) * 2,
            ("x",) * 2,
            (SubNet("n", 0.0, size, layers),) * 2,
            np.array([0.0, 2 * weights]),
            np.ones(2),
        )
        cached, streamed = predict_sweeps_ms(rows, board)
        return float(streamed - cached - 1e3 * board.stream_s) / (2 * weights)

    once = 1e3 * MIB / board.bandwidth_bytes_per_s
    assert cost_per_mib(512, 16) == pytest.approx(once)
    measured_strips = {512: 3, 640: 3, 704: 5, 768: 8}
    for width, strips in measured_strips.items():
        assert cost_per_mib(width, 64) == pytest.approx(strips * once)


def rows_of(board, path, scale=1.0) -> None:
    """A CSV of sweeps whose latencies are what `board` takes."""
    lines = [SWEEP]
    for kind, size, kernel, c_in in (
        ("dense", 1, 1, 64),
        ("dense", 1, 1, 6912),
        ("conv", 64, 3, 3),
    ):
        for width in (128, 320, 512, 704, 1024, 1600):
            if kind == "conv" and width > 704:
                continue
            c_out = width if kind == "conv" else 10
            shapes = [(c_in, width), (width, width), (width, width), (width, c_out)]
            layers = tuple(
                ConvLayer(n, k, c, kernel, 1, kernel // 2, size) for n, (c, k) in enumerate(shapes)
            )
            network = SubNet("n", 0.0, size, layers, c_out * size**2)
            for count in (0, 2):
                off = count * -(-width // 64) * 64 * width * kernel**2 / MIB
                row = Sweeps(("x",), ("pcie",), ("r",), (network,), np.array([off]), np.ones(1))
                latency = float(predict_sweeps_ms(row, board)[0]) * scale
                shape = f"{width},4,{size},{size},{c_in},{c_out},{kernel},{network.weight_bytes}"
                lines.append(f"{kind},pcie,r,{shape},{off},{latency!r}")
    path.write_text("\n".join(lines))


def test_calibration_recovers_known_constants(tmp_path):
    truth = replace(
        get_board("edgetpu_pcie"),
        call_s=3e-4,
        stream_s=1e-4,
        bandwidth_bytes_per_s=6e8,
        cycles_per_position=1.2,
        map_cycles_per_byte=0.7,
        io_bytes_per_s=4e8,
    )
    rows_of(truth, tmp_path / "s.csv")
    sweeps = load_sweeps(tmp_path / "s.csv")
    found = calibrate_streaming(sweeps, None, get_board("edgetpu_pcie"))
    assert found.fitted == OF_LAYERS
    for constant in OF_LAYERS:
        assert getattr(found.board, constant) == pytest.approx(getattr(truth, constant), rel=1e-6)
    errors = validate_streaming(sweeps, None, found.board).errors
    assert all(error.worst_abs < 1e-6 for error in errors.values())


def test_slopes_are_those_of_the_textbook():
    """Against SciPy's regression of one group, and the same slope from two shifted groups."""
    from scipy.stats import linregress, t

    rng = np.random.default_rng(1)
    x = rng.uniform(0, 10, 30)
    y = 2.5 * x + 1 + rng.normal(0, 0.3, 30)
    one = slopes(x, [y], ["all"] * 30)
    assert one is not None
    known: Any = linregress(x, y)
    half = known.stderr * t.ppf(0.975, 28)
    assert one[0] == pytest.approx((known.slope, known.slope - half, known.slope + half))
    groups = ["a", "b"] * 15
    shifted = y + np.where(np.array(groups) == "b", 100.0, 0.0)
    two = slopes(x, [shifted], groups)
    assert two is not None
    assert two[0][0] == pytest.approx(2.5, abs=0.1)
    assert slopes(x[:2], [y[:2]], ["all"] * 2) is None
    assert slopes(np.ones(5), [y[:5]], ["all"] * 5) is None


def test_links():
    assert link_of("pcie", "some card") == "pcie"
    assert link_of("pcie", "Coral Dev Board (on-board Edge TPU)") == ""
    assert link_of("usb", "Raspberry Pi 4 + Coral USB (USB 3.0)") == "usb-pi4"
    assert link_of("usb", "Xeon x86_64 + Coral USB (USB 3.0)") == "usb-x86"
    assert link_of("usb", "Raspberry Pi 3B + Coral USB (USB 2.0)") == ""


SWEEP = (
    "kind,bus,run,n_or_F,layers,in_h,in_w,c_in,c_out,kernel,weight_bytes,off_chip_mib,latency_ms"
)
GOOD = "dense,pcie,r,128,3,1,1,64,10,1,25856,0.0,0.2"
PUBLISHED = "network,family,bus,host,off_chip_mib,mac_reduction_pct,cpu_ops,latency_ms"


@pytest.mark.parametrize(
    ("load", "text", "match"),
    [
        (load_sweeps, "", "is empty, must begin with a header that names 'kind'"),
        (load_sweeps, SWEEP, "holds no rows"),
        (load_sweeps, SWEEP.replace("latency_ms", "latency_us") + "\n", "'latency_ms' is missing"),
        (load_sweeps, f"{SWEEP}\n{GOOD.replace('dense', 'pool')}", "line 2: kind = 'pool'"),
        (load_sweeps, f"{SWEEP}\n{GOOD.replace('25856', '25857')}", "its layers have 25856"),
        (load_sweeps, f"{SWEEP}\n{GOOD.replace('1,1,64', '1,2,64')}", "in_h = 1, in_w = 2"),
        (load_sweeps, f"{SWEEP}\n{GOOD.replace('0.2', 'nan')}", "latency_ms = 'nan'"),
        (load_sweeps, f"{SWEEP}\n{GOOD.replace('0.2', '-1')}", "latency_ms = '-1'"),
        (load_sweeps, f"{SWEEP}\n{GOOD.replace('128', '10000000000')}", "n_or_F = "),
        (load_sweeps, f"{SWEEP}\n{GOOD},9", "fields"),
        (load_published, PUBLISHED, "holds no rows"),
        (load_published, f"{PUBLISHED}\nn,f,usb,h,,150,0,2", "mac_reduction_pct = '150'"),
        (load_published, f"{PUBLISHED}\n,f,usb,h,,,,2", "network = ''"),
    ],
)
def test_bad_measurements_give_one_clear_line(tmp_path, load, text, match):
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=match) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(("scale", "unit"), [(1000.0, "microseconds"), (0.001, "seconds")])
def test_another_unit_is_refused(tmp_path, scale, unit):
    rows_of(get_board("edgetpu_pcie"), tmp_path / "s.csv", scale)
    sweeps = load_sweeps(tmp_path / "s.csv")
    with pytest.raises(InputError, match=f"must be milliseconds .are they {unit}"):
        validate_streaming(sweeps, None, get_board("edgetpu_pcie"))


def test_a_board_of_no_measured_link_is_refused(tmp_path):
    rows_of(get_board("edgetpu_pcie"), tmp_path / "s.csv")
    with pytest.raises(InputError, match="board 'zcu104': link = '', must be one of pcie, usb-x86"):
        validate_streaming(load_sweeps(tmp_path / "s.csv"), None, get_board("zcu104"))
    with pytest.raises(InputError, match="neither layers nor networks of link 'usb-pi4'"):
        calibrate_streaming(load_sweeps(tmp_path / "s.csv"), None, get_board("edgetpu_usb_pi4"))


def test_what_is_not_known_is_not_judged(tmp_path):
    (tmp_path / "n.csv").write_text(
        f"{PUBLISHED}\n"
        "a,f,usb,Raspberry Pi 4 + x,,,,9\n"
        "b,f,usb,Raspberry Pi 4 + x,1.0,,3,9\n"
        "c,f,usb,Raspberry Pi 3,1.0,,,9\n"
        "d,f,usb,Raspberry Pi 4 + x,1.0,0,,9\n"
    )
    rows_of(get_board("edgetpu_pcie"), tmp_path / "s.csv")
    published = load_published(tmp_path / "n.csv")
    board = get_board("edgetpu_pcie")
    found = validate_streaming(load_sweeps(tmp_path / "s.csv"), published, board)
    assert np.isfinite(found.published_ms).tolist() == [False, False, False, True]
    assert sum(found.not_judged.values()) == 3
    assert found.errors["networks that stream"].left_out is None  # alone in its family


def test_files_hold_what_the_table_of_columns_says(edgetpu_csvs, measured):
    with edgetpu_csvs[0].open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(measured[0].kinds)
    assert measured[0].measured_ms.sum() == pytest.approx(sum(float(r["latency_ms"]) for r in rows))
