"""The tables in which people read a comparison."""

from rich.table import Table

from sushi_bench import console
from sushi_bench.comparing.comparison import COMPARED, Comparison
from sushi_env.engine.metrics import METRICS

COLUMNS = sorted((m for m in METRICS.values() if m.brief), key=lambda m: m.name != "reward")
"""Metrics that terminals show, the reward first."""


def _ranked(comparison: Comparison) -> list[str]:
    return sorted(comparison.policies, key=lambda name: -comparison.policies[name].reward)


def as_table(comparison: Comparison) -> Table:
    """The comparison as a table, best reward first."""
    rows = [
        (name, *(metric.shown(comparison.policies[name]) for metric in COLUMNS))
        for name in _ranked(comparison)
    ]
    title = (
        f"{comparison.scenario}: mean of {comparison.episodes} episodes, seeds from "
        f"{comparison.seed}, best reward first"
    )
    return console.table(("policy", *(metric.brief for metric in COLUMNS)), rows, title)


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
            known = value.low is not None
            cells.append(f"{value.low:+.{digits}f} to {value.high:+.{digits}f}" if known else "")
        rows.append(cells)
    columns = ["policy", *(heading for key in COMPARED for heading in (key, ""))]
    title = f"minus {comparison.reference}, episode by episode: mean and 95 % interval"
    return console.table(columns, rows, title, left=("",))
