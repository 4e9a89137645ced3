"""Measurements from a CSV, predictions against them, and constants fitted to them."""

from dataclasses import replace

import numpy as np
import pytest

from sushi_accel import ConvLayer, InputError, get_board, get_supernet
from sushi_accel.silicon.calibration import calibrate
from sushi_accel.silicon.measurements import COLUMNS, Measurements, load_measurements
from sushi_accel.silicon.validation import predict_us, validate_board

PRESETS = ("zcu104", "zcu104-overlapped")
CONSTANTS = ("driver_cycles", "cycles_per_position", "cycles_per_sweep", "bandwidth_bytes_per_s")
HEADER = ",".join(COLUMNS)
GOOD = "A,0,24,3,3,2,1,160,703.03"


@pytest.mark.parametrize("name", PRESETS)
def test_presets_meet_what_they_promise_on_silicon(measured_csv, name):
    validation = validate_board(load_measurements(measured_csv), get_board(name))
    assert int(validation.measurements.known.sum()) == 52
    assert len(validation.predicted_us) == 318
    assert validation.mean_abs_error <= 0.016
    assert validation.worst_abs_error <= 0.075
    assert list(validation.networks) == ["A", "C", "E"]
    for predicted, measured in validation.networks.values():
        assert predicted == pytest.approx(measured, rel=0.01)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_what_calibration_fits(measured_csv, name):
    """Fitting starts from the mechanism alone: other constants in, the same ones out."""
    preset = get_board(name)
    start = replace(
        preset,
        driver_cycles=0.0,
        cycles_per_position=2.0,
        cycles_per_sweep=0.0,
        bandwidth_bytes_per_s=5e8,
    )
    found = calibrate(load_measurements(measured_csv), start)
    for constant in CONSTANTS:
        fitted, rounded = getattr(found.board, constant), getattr(preset, constant)
        assert rounded == (pytest.approx(float(f"{fitted:.4g}")) if fitted else 0), constant
    assert set(found.held_out) == {"A", "C", "E"}
    assert sum(len(errors) for errors in found.held_out.values()) == 52
    assert found.held_out_mean_abs_error is not None
    assert found.fit.mean_abs_error < found.held_out_mean_abs_error <= 0.02


def synthetic(board, noise=0.0) -> Measurements:
    """All layers, 1x1 included, of four ResNet50 SubNets, 'measured' on a model board."""
    subnets = [s for s in get_supernet("resnet50").subnets if s.name in "ACEF"]
    rows = [(s.name, n, layer) for s in subnets for n, layer in enumerate(s.layers)]
    names, numbers, layers = zip(*rows, strict=True)
    unmeasured = Measurements(names, numbers, layers, np.full(len(rows), np.nan))
    factor = np.exp(noise * np.random.default_rng(0).standard_normal(len(rows)))
    return replace(unmeasured, measured_us=predict_us(unmeasured, board) * factor)


BOARDS = {
    "not overlapped": replace(
        get_board("zcu104"),
        driver_cycles=4321.0,
        cycles_per_position=1.07,
        bandwidth_bytes_per_s=2.5e9,
    ),
    "no driver's call": replace(get_board("zcu104"), driver_cycles=0.0),
    "overlapped": replace(
        get_board("zcu104-overlapped"),
        driver_cycles=2500.0,
        cycles_per_position=1.21,
        cycles_per_sweep=23.0,
        bandwidth_bytes_per_s=1.1e9,
    ),
}


@pytest.mark.parametrize(("noise", "tolerance"), [(0.0, 1e-4), (0.005, 0.03)])
@pytest.mark.parametrize("truth", BOARDS.values(), ids=BOARDS.keys())
def test_calibration_recovers_known_constants(truth, noise, tolerance):
    start = replace(truth, driver_cycles=1.0, cycles_per_position=5.0, bandwidth_bytes_per_s=1e8)
    found = calibrate(synthetic(truth, noise), start)
    for constant in CONSTANTS:
        expected, cycles = getattr(truth, constant), constant.endswith(("driver_cycles", "sweep"))
        slack = 1e-4 + 4000 * noise if cycles else 0.0  # a few cycles of some thousand a layer
        actual = getattr(found.board, constant)
        assert actual == pytest.approx(expected, rel=tolerance, abs=slack), constant
    assert found.fit.mean_abs_error <= noise + 1e-6
    assert found.board.name == truth.name


def test_networks_that_cannot_be_left_out_are_not(measured_csv):
    """With one network, or too little beside one, the fit stands and says nothing of others."""
    m = load_measurements(measured_csv)
    rows = np.flatnonzero(m.known)[:7]
    names = tuple("A" if n < 5 else "B" for n in range(len(rows)))
    few = Measurements(
        names, tuple(range(7)), tuple(m.layers[k] for k in rows), m.measured_us[rows]
    )
    assert set(calibrate(few, get_board("zcu104")).held_out) == {"B"}
    one = replace(few, subnets=("A",) * 7)
    alone = calibrate(one, get_board("zcu104"))
    assert alone.held_out == {}
    assert alone.held_out_mean_abs_error is None


def csv_of(path, board, layers, subnet="A", scale=1.0, repeats=1):
    """A file of layers that take what `board` says, times `scale`."""
    known = Measurements((subnet,) * len(layers), (0,) * len(layers), layers, np.zeros(len(layers)))
    rows = [
        f"{subnet},{n},{x.out_channels},{x.in_channels},{x.kernel},{x.stride},{x.padding},"
        f"{x.in_size},{us * scale!r}"
        for n, (x, us) in enumerate(zip(layers, predict_us(known, board).tolist(), strict=True))
    ]
    path.write_text("\n".join([HEADER, *rows * repeats]) + "\n")
    return path


SHAPES = tuple(
    ConvLayer(0, k, c, 3, 1, 1, size)
    for k, c, size in ((24, 3, 160), (40, 24, 80), (64, 64, 40), (96, 96, 20), (192, 192, 10))
)


@pytest.mark.parametrize(
    ("layers", "repeats", "match"),
    [
        (SHAPES[:1] * 3, 1, "1 measured layers of differing shape, at least 3 needed"),
        (SHAPES[:2] * 3, 1, "2 measured layers of differing shape, at least 3 needed"),
        (SHAPES[:2], 3, "2 measured layers of differing shape, at least 3 needed"),
        # Shapes that differ in what costs this board nothing say no more than one of them.
        (
            tuple(replace(SHAPES[2], stride=s, padding=p) for s in (1, 2) for p in (1, 2)),
            1,
            "fit as well with other constants",
        ),
    ],
)
def test_constants_that_the_layers_cannot_tell_are_refused(tmp_path, layers, repeats, match):
    path = csv_of(tmp_path / "m.csv", get_board("zcu104"), layers, repeats=repeats)
    with pytest.raises(InputError, match=match):
        calibrate(load_measurements(path), get_board("zcu104"))


@pytest.mark.parametrize(("scale", "unit"), [(1e-3, "milliseconds"), (1e3, "nanoseconds")])
@pytest.mark.parametrize("name", PRESETS)
def test_latencies_in_another_unit_are_refused(tmp_path, name, scale, unit):
    board = get_board(name)
    path = csv_of(tmp_path / "m.csv", board, SHAPES * 3, scale=scale)
    with pytest.raises(InputError, match=f"must be microseconds .are they {unit}"):
        validate_board(load_measurements(path), board)
    with pytest.raises(InputError, match=r"must be in .* are latencies microseconds"):
        calibrate(load_measurements(path), board)


def test_weights_that_cost_nothing_are_refused(tmp_path):
    """A bandwidth of 1e17 B/s is no machine's, however well it fits."""
    fast = replace(get_board("zcu104"), bandwidth_bytes_per_s=1e17)
    path = csv_of(tmp_path / "m.csv", fast, SHAPES)
    with pytest.raises(InputError, match=r"bandwidth_bytes_per_s = .* fits best, must be in 1e"):
        calibrate(load_measurements(path), get_board("zcu104"))


def test_repeats_are_averaged_and_their_spread_is_said(tmp_path):
    path = tmp_path / "m.csv"
    once = csv_of(path, get_board("zcu104"), SHAPES).read_text().splitlines()[1:]
    total = load_measurements(path).measured_us.sum()
    rows = [line.rpartition(",") for line in once]
    spread = [f"{a},{float(us) * f!r}" for f in (0.9, 1.0, 1.1) for a, _, us in rows]
    path.write_text("\n".join([HEADER, *spread]))
    m = load_measurements(path)
    assert m.measured_us.sum() == pytest.approx(total)
    assert m.spread == pytest.approx(dict.fromkeys(range(len(SHAPES)), 0.1))
    predicted, measured = validate_board(m, get_board("zcu104")).networks["A"]
    assert measured == pytest.approx(predicted)  # not three times as much
    assert calibrate(m, get_board("zcu104")).fit.mean_abs_error < 1e-6
    path.write_text("\n".join([HEADER, *once]))
    assert load_measurements(path).spread == {}


def test_rows_without_a_measurement_are_predicted_and_left_out(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text(f"\ufeffnote,{HEADER},depthwise\nx,{GOOD},\ny,mine,1,32,32,3,1,1,40,,1\n")
    m = load_measurements(path)
    assert m.subnets == ("A", "mine")
    assert m.layers[1].depthwise
    assert not m.layers[0].depthwise
    validation = validate_board(m, get_board("zcu104"))
    assert m.known.tolist() == [True, False]
    assert np.isfinite(validation.predicted_us).all()
    assert validation.mean_abs_error == abs(validation.error[0])
    assert list(validation.networks) == ["A"]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "is empty, must begin with a header that names 'subnet', 'layer'"),
        (HEADER[3:], "column 'subnet' is missing; needed: subnet, layer"),
        (HEADER.replace("kernel,", ""), "column 'kernel' is missing"),
        (HEADER, "holds no layers"),
        (f"{HEADER}\nA,0,24,3,3,2,1,160,\n", "no layer has a measured_latency_us"),
        (f"{HEADER}\n{GOOD}\nA,1,many,3,3,2,1,160,9\n", "line 3: out_channels = 'many'"),
        (f"{HEADER}\nA,0,24,3,3,2,1,160,fast\n", "line 2: measured_latency_us = 'fast'"),
        (f"{HEADER}\nA,0,24,3,3,2,1,160,nan\n", "measured_latency_us = 'nan'"),
        (f"{HEADER}\nA,0,24,3,3,2,1,160,inf\n", "measured_latency_us = 'inf'"),
        (f"{HEADER}\nA,0,24,3,3,2,1,160,-703\n", "measured_latency_us = '-703', must be"),
        (f"{HEADER}\nA,0,24,3,3,2,1,160,0\n", "measured_latency_us = '0', must be"),
        (f"{HEADER}\nA,0,24,3,3,2,1,160,1e300\n", "measured_latency_us = '1e300'"),
        (f"{HEADER}\nA,0,-24,3,3,2,1,160,703\n", "out_channels = '-24', must be an integer"),
        (f"{HEADER}\nA,0,24,3,3,2,1,99999999,703\n", r"in_size = '99999999'.*in 0\.\.1048576"),
        (f"{HEADER}\nA,0,24,3,{'3' * 9999},2,1,9,703\n", r"kernel = '3{76}\.\.\., must be an"),
        (f"{HEADER}\nA,0,24,3,3,0,1,160,703\n", "stride = '0', must be an integer in 1"),
        (f"{HEADER}\nA,0,24,3,9,1,0,4,703\n", "a kernel of 9 does not fit its input"),
        (f"{HEADER}\n ,0,24,3,3,2,1,160,703\n", "line 2: subnet = ' ', must be a name"),
        (f"{HEADER}\n{GOOD}\nA,1,24,3,3,2", "line 3: 6 fields, the header has 9$"),
        (f"{HEADER}\n{GOOD},5\n", "line 2: 10 fields, the header has 9: is a decimal comma among"),
        (f"{HEADER},batch\n{GOOD},8\n", "line 2: batch = '8', must be 1: what one inference took"),
        (f"{HEADER}\n{GOOD}\n{GOOD.replace('24', '32')}", "line 3: layer 0 of 'A' had another"),
        (f"{HEADER},depthwise\n{GOOD},2\n", r"depthwise = '2', must be an integer in 0\.\.1"),
        (f"{HEADER},depthwise\n{GOOD},1\n", "depthwise needs as many output as input channels"),
        (f'{HEADER}\n"A,0,24,3', "line 2: 1 fields, the header has 9"),
        (b"\xff\xfe\x00\x01", "not a CSV file of UTF-8 text"),
        (f"{HEADER}\nA,{'9' * 140_000}", "line 2: longer than 65536 characters"),
    ],
)  # fmt: skip
def test_bad_measurements_give_one_clear_line(tmp_path, text, match):
    path = tmp_path / "m.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=match) as caught:
        load_measurements(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"measurements {path}")
    assert len(str(caught.value)) < 400


def test_measurements_that_cannot_be_read_give_one_clear_line(tmp_path, monkeypatch):
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(InputError, match="cannot be read"):
            load_measurements(path)
    monkeypatch.setattr("sushi_accel.silicon.measurements.MAX_FILE_BYTES", 10)
    (tmp_path / "m.csv").write_text(HEADER)
    with pytest.raises(InputError, match="87 bytes, more than 10"):
        load_measurements(tmp_path / "m.csv")
