"""`sushi accel validate` and `calibrate` on measurements of what is cached and what is streamed."""

import math
from pathlib import Path

from rich.table import Table

from sushi_accel import Board, InputError, save_board
from sushi_accel.figures import save_picture
from sushi_accel.files.reading import named, reading
from sushi_accel.silicon.published import load_published
from sushi_accel.silicon.streaming import StreamingValidation, validate_streaming
from sushi_accel.silicon.streaming_calibration import calibrate_streaming
from sushi_accel.silicon.sweeps import MAX_FILE_BYTES, load_sweeps
from sushi_bench import console

MARK = "off_chip_mib"
"""The column that tells such a file from one of single layers."""


def is_sweeps(csv: Path) -> bool:
    """Whether a CSV is of networks of which a part is cached; if it cannot be read, it is not."""
    try:
        with reading(csv, named("measurements", csv), MAX_FILE_BYTES) as file:
            header = file.readline(100_000).decode("utf-8-sig", errors="replace")
    except InputError:
        return False
    return MARK in [name.strip() for name in header.split(",")]


def validate_sweeps(
    csv: Path, networks: Path | None, board: Board, plot: Path | None, js: bool
) -> None:
    """Compares predictions with such measurements, prints or draws them."""
    published = None if networks is None else load_published(networks)
    found = validate_streaming(load_sweeps(csv), published, board)
    draw(found, plot)
    if js:
        console.print_json(as_json(found, board))
        return
    show(found, board)


def calibrate_sweeps(
    csv: Path, networks: Path | None, board: Board, out: Path, plot: Path | None, js: bool
) -> None:
    """Fits a board to such measurements, writes it, and says how well it then predicts."""
    sweeps = load_sweeps(csv)
    published = None if networks is None else load_published(networks)
    fitted = calibrate_streaming(sweeps, published, board)
    found = validate_streaming(sweeps, published, fitted.board)
    save_board(fitted.board, out)
    draw(found, plot)
    constants = {name: getattr(fitted.board, name) for name in fitted.fitted}
    if js:
        result = {"board": fitted.board.name, "constants": constants, "rows": fitted.count}
        console.print_json(result | {"fit": as_json(found, fitted.board)})
        return
    title = f"{fitted.board.name}, fitted to {fitted.count} rows, written to {out}"
    console.out.print(constants_table(constants, title))
    show(found, fitted.board)


def draw(found: StreamingValidation, plot: Path | None) -> None:
    """Saves the picture, if one is wanted."""
    if plot is None:
        return
    from sushi_accel.silicon.streaming_picture import streaming_picture

    save_picture(streaming_picture(found), plot)


def as_json(found: StreamingValidation, board: Board) -> dict[str, object]:
    """All of a validation as one JSON object."""
    published = found.published
    result: dict[str, object] = {
        "board": board.name,
        "boards": {link: each.name for link, each in found.boards.items()},
        "errors": {
            kind: {
                "count": error.count,
                "mean_abs_error": error.mean_abs,
                "worst_abs_error": error.worst_abs,
                "left_out_mean_abs_error": error.left_out,
            }
            for kind, error in found.errors.items()
        },
        "saving_ms_per_mib": [
            {
                "link": s.link,
                "rows": s.rows,
                "hosts": list(s.hosts),
                "count": s.count,
                "measured": s.measured,
                "interval": [s.low, s.high],
                "predicted": s.predicted,
                "inside": s.inside,
            }
            for s in found.savings
        ],
        "families": [
            {"link": link, "family": family, "array_ms": value}
            for (link, family), value in found.families_ms.items()
        ],
        "not_judged": dict(found.not_judged),
        "layers": [
            {
                "kind": found.sweeps.kinds[n],
                "run": found.sweeps.runs[n],
                "network": found.sweeps.networks[n].name,
                "streamed_mib": optional(found.sweeps.streamed_mib[n]),
                "predicted_ms": optional(found.sweeps_ms[n]),
                "measured_ms": float(found.sweeps.measured_ms[n]),
            }
            for n in range(len(found.sweeps.kinds))
        ],
    }
    if published is not None:
        result["networks"] = [
            {
                "network": published.names[n],
                "family": published.families[n],
                "link": published.links[n],
                "host": published.hosts[n],
                "streamed_mib": optional(published.streamed_mib[n]),
                "predicted_ms": optional(found.published_ms[n]),
                "measured_ms": float(published.measured_ms[n]),
            }
            for n in range(len(published.names))
        ]
    return result


def optional(value: float) -> float | None:
    """A number for JSON, which has no NaN."""
    return None if math.isnan(value) else float(value)


def constants_table(constants: dict[str, float], title: str) -> Table:
    """Fitted constants."""
    rows = [(name, f"{value:.6g}") for name, value in constants.items()]
    return console.table(("constant", "value"), rows, title)


def show(found: StreamingValidation, board: Board) -> None:
    """Prints errors and savings for people."""
    names = ", ".join(each.name for each in found.boards.values())
    rows: list[tuple[object, ...]] = []
    for kind, error in found.errors.items():
        left_out = None if error.left_out is None else f"{100 * error.left_out:.2f} %"
        mean, worst = f"{100 * error.mean_abs:.2f} %", f"{100 * error.worst_abs:.2f} %"
        rows.append((kind, error.count, mean, worst, left_out))
    columns = ("kind", "rows", "mean error", "worst", "family's other rows")
    title = f"{board.name}: predicted against measured; all links: {names}"
    console.out.print(console.table(columns, rows, title))
    rows = []
    for s in found.savings:
        measured = f"{s.measured:.3f} [{s.low:.3f}, {s.high:.3f}]"
        inside = "yes" if s.inside else "no"
        rows.append((s.link, s.rows, s.count, measured, f"{s.predicted:.3f}", inside))
    columns = ("link", "from", "rows", "measured", "predicted", "inside")
    title = "ms saved per MiB that is cached, 95 % interval"
    console.out.print(console.table(columns, rows, title, left=("from",)))
    for reason, count in found.not_judged.items():
        console.say(f"{count} rows not judged: {reason}.")


def refuse_networks(networks: Path | None, csv: Path) -> None:
    """Measured networks go with measured layers of the same kind.

    Raises:
        InputError: If there are networks all the same.
    """
    if networks is not None:
        raise InputError(f"--networks needs measured layers with a column {MARK!r}, not {csv}")
