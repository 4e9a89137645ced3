"""`sushi accel validate` and `sushi accel calibrate`: the model and a user's measurements."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from sushi_accel import Board, get_board, save_board
from sushi_accel.figures import check_picture, save_picture
from sushi_accel.files.atomic import check_writable
from sushi_accel.silicon.calibration import Calibration
from sushi_accel.silicon.calibration import calibrate as run_calibration
from sushi_accel.silicon.measurements import COLUMNS, load_measurements
from sushi_accel.silicon.validation import Validation, validate_board
from sushi_bench import console
from sushi_bench.commands.accel.streaming import (
    calibrate_sweeps,
    constants_table,
    is_sweeps,
    optional,
    refuse_networks,
    validate_sweeps,
)
from sushi_bench.commands.options import JsonOption, PlotOption

CsvArgument = Annotated[
    Path, typer.Argument(metavar="CSV", help=f"Measurements; columns {', '.join(COLUMNS)}.")
]
PresetOption = Annotated[
    str,
    typer.Option(
        "--preset", "--board", help="A board, or a .yaml of one: its array and mechanism."
    ),
]
NetworksOption = Annotated[
    Path | None,
    typer.Option(
        "--networks",
        help="Measured networks too, beside layers of which it is known "
        "what is cached; see docs/concepts/cached-byte.md.",
    ),
]


def validate(
    csv: CsvArgument,
    preset: PresetOption = "zcu104",
    networks: NetworksOption = None,
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare a board's predictions with measured layers, the driver's call included."""
    check_picture(plot)
    board = get_board(preset)
    if is_sweeps(csv):
        validate_sweeps(csv, networks, board, plot, as_json)
        return
    refuse_networks(networks, csv)
    validation = validate_board(load_measurements(csv), board)
    _draw(validation, board, plot)
    if as_json:
        console.print_json(_validation_json(validation))
        return
    console.out.print(_layer_table(validation))
    console.out.print(_network_table(validation))
    console.say(_summary("predicted against measured", validation))


def calibrate(
    csv: CsvArgument,
    out: Annotated[Path, typer.Option(help="Board file to write.")],
    preset: PresetOption = "zcu104",
    name: Annotated[str | None, typer.Option(help="Name of the fitted board.")] = None,
    networks: NetworksOption = None,
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit a board's constants to measured layers, cross-validate, and write a board file."""
    check_picture(plot)
    check_writable(out, f"board {out}")
    base = get_board(preset)
    name = f"{base.name}-fitted" if name is None else name
    if is_sweeps(csv):
        calibrate_sweeps(csv, networks, replace(base, name=name), out, plot, as_json)
        return
    refuse_networks(networks, csv)
    found = run_calibration(load_measurements(csv), replace(base, name=name))
    save_board(found.board, out)
    _draw(found.fit, found.board, plot)
    if as_json:
        console.print_json(_calibration_json(found))
        return
    title = f"{found.board.name}, written to {out}"
    console.out.print(constants_table(_constants(found), title))
    console.out.print(_network_table(found.fit))
    console.say(_summary("fit", found.fit))
    for network, errors in found.held_out.items():
        worst, mean = abs(errors).max(), abs(errors).mean()
        console.say(
            f"{network} left out of the fit: mean error {100 * mean:.2f} %, "
            f"worst {100 * worst:.2f} %"
        )
    kernels = sorted({layer.kernel for layer in _measured_layers(found.fit)})
    console.say(f"Kernel sizes measured: {kernels}. Others rest on the mechanism alone.")


def _draw(found: Validation, board: Board, plot: Path | None) -> None:
    if plot is not None:
        from sushi_accel.pictures import scatter

        save_picture(scatter(found, board), plot)


def _measured_layers(validation: Validation) -> list:
    m = validation.measurements
    return [layer for layer, known in zip(m.layers, m.known, strict=True) if known]


def _constants(found: Calibration) -> dict[str, float]:
    names = ("driver_cycles", "cycles_per_position", "cycles_per_sweep", "bandwidth_bytes_per_s")
    return {name: getattr(found.board, name) for name in names}


def _summary(what: str, v: Validation) -> str:
    line = (
        f"{what}: {int(v.measurements.known.sum())} layers, mean error "
        f"{100 * v.mean_abs_error:.2f} %, worst {100 * v.worst_abs_error:.2f} %"
    )
    if spread := list(v.measurements.spread.values()):
        mean, worst = 100 * sum(spread) / len(spread), 100 * max(spread)
        line += (
            f"; {len(spread)} measured more than once, with a standard deviation of {mean:.2f} % "
            f"of their mean, {worst:.2f} % at worst"
        )
    return line


def _validation_json(v: Validation) -> dict[str, object]:
    m = v.measurements
    return {
        "layers": [
            {
                "subnet": m.subnets[n],
                "layer": m.numbers[n],
                "predicted_us": float(v.predicted_us[n]),
                "measured_us": optional(m.measured_us[n]),
                "error": optional(v.error[n]),
            }
            | ({"spread": m.spread[n]} if n in m.spread else {})
            for n in range(len(m.layers))
        ],
        "networks": {
            name: {
                "predicted_ms": predicted / 1e3,
                "measured_ms": measured / 1e3,
                "error": predicted / measured - 1,
            }
            for name, (predicted, measured) in v.networks.items()
        },
        "mean_abs_error": v.mean_abs_error,
        "worst_abs_error": v.worst_abs_error,
    }


def _calibration_json(found: Calibration) -> dict[str, object]:
    return {
        "board": found.board.name,
        "constants": _constants(found),
        "fit": _validation_json(found.fit),
        "held_out": {
            network: {
                "mean_abs_error": float(abs(errors).mean()),
                "worst_abs_error": float(abs(errors).max()),
            }
            for network, errors in found.held_out.items()
        },
        "held_out_mean_abs_error": found.held_out_mean_abs_error,
    }


def _layer_table(v: Validation) -> Table:
    m = v.measurements
    rows = [
        (
            m.subnets[n],
            m.numbers[n],
            layer.out_channels,
            layer.in_channels,
            layer.kernel,
            layer.in_size,
            f"{v.predicted_us[n]:.1f}",
            f"{m.measured_us[n]:.1f}",
            f"{100 * v.error[n]:+.2f} %",
        )
        for n, layer in enumerate(m.layers)
        if m.known[n]
    ]
    columns = ["SubNet", "layer", "K", "C", "kernel", "input", "predicted", "measured", "error"]
    return console.table(columns, rows, "measured layers, microseconds")


def _network_table(v: Validation) -> Table:
    rows = [
        (
            name,
            f"{predicted / 1e3:.3f}",
            f"{measured / 1e3:.3f}",
            f"{100 * (predicted / measured - 1):+.2f} %",
        )
        for name, (predicted, measured) in v.networks.items()
    ]
    title = "measured layers of each network together, milliseconds"
    return console.table(("SubNet", "predicted", "measured", "error"), rows, title)
