"""The tables in which people read a comparison."""

from collections.abc import Callable

from rich.table import Table

from sushi_bench import console
from sushi_bench.comparing.comparison import COMPARED, Comparison
from sushi_env import EpisodeMetrics

COLUMNS: tuple[tuple[str, Callable[[EpisodeMetrics], str]], ...] = (
    ("reward", lambda m: f"{m.reward:.1f}"),
    ("utility", lambda m: f"{m.utility:.4f}"),
    ("SLO\nmet %", lambda m: f"{100 * m.slo_attainment:.1f}"),
    ("floor\nmet %", lambda m: f"{100 * m.floor_attainment:.1f}"),
    ("served\ntop-1 %", lambda m: f"{m.served_accuracy:.2f}"),
    ("p99\nms", lambda m: f"{1e3 * m.latency_p99_s:.1f}"),
    ("dropped\n%", lambda m: f"{100 * m.drop_rate:.1f}"),
    ("cache\nhit %", lambda m: f"{100 * m.cache_hit_ratio:.1f}"),
)


def _ranked(comparison: Comparison) -> list[str]:
    return sorted(comparison.policies, key=lambda name: -comparison.policies[name].reward)


def as_table(comparison: Comparison) -> Table:
    """The comparison as a table, best reward first."""
    rows = [
        (name, *(show(comparison.policies[name]) for _, show in COLUMNS))
        for name in _ranked(comparison)
    ]
    title = (
        f"{comparison.scenario}: mean of {comparison.episodes} episodes, seeds from "
        f"{comparison.seed}, best reward first"
    )
    return console.table(("policy", *(heading for heading, _ in COLUMNS)), rows, title)


def as_difference_table(comparison: Comparison) -> Table:
    """Paired differences to the reference, best reward first."""
    differences = comparison.differences()
    rows = []
    for name in _ranked(comparison):
        if name not in differences:
            continue
        cells = [name]
        for key, digits in zip(COMPARED, (1, 4), strict=True):
            value = differences[name][key]
            cells.append(f"{value.mean:+.{digits}f}")
            if value.low is None or value.high is None:
                cells.append("")
            else:
                cells.append(f"{value.low:+.{digits}f} to {value.high:+.{digits}f}")
        rows.append(cells)
    columns = ["policy", *(heading for key in COMPARED for heading in (key, ""))]
    title = f"minus {comparison.reference}, episode by episode: mean and 95 % interval"
    return console.table(columns, rows, title, left=("",))
