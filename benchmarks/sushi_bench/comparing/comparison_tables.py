"""The tables in which people read a comparison."""

from rich import box
from rich.table import Table

from sushi_bench.comparing.comparison import COMPARED, Comparison
from sushi_env.engine.metrics import METRICS

COLUMNS = sorted((m for m in METRICS.values() if m.brief), key=lambda m: m.name != "reward")
"""Metrics that terminals show, the reward first."""


def _ranked(comparison: Comparison) -> list[str]:
    return sorted(comparison.policies, key=lambda name: -comparison.policies[name].reward)


def _table(title: str) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("policy", no_wrap=True)
    return table


def as_table(comparison: Comparison) -> Table:
    """The comparison as a table, best reward first."""
    table = _table(
        f"{comparison.scenario}: mean of {comparison.episodes} episodes, seeds from "
        f"{comparison.seed}, best reward first"
    )
    for metric in COLUMNS:
        table.add_column(metric.brief, justify="right", no_wrap=True)
    for name in _ranked(comparison):
        table.add_row(name, *(metric.shown(comparison.policies[name]) for metric in COLUMNS))
    return table


def as_difference_table(comparison: Comparison) -> Table:
    """Paired differences to the reference, best reward first."""
    table = _table(f"minus {comparison.reference}, episode by episode: mean and 95 % interval")
    for key in COMPARED:
        table.add_column(key, justify="right", no_wrap=True)
        table.add_column("", justify="left", no_wrap=True)
    differences = comparison.differences()
    for name in _ranked(comparison):
        if name not in differences:
            continue
        cells = []
        for key, digits in zip(COMPARED, (1, 4), strict=True):
            value = differences[name][key]
            cells.append(f"{value.mean:+.{digits}f}")
            known = value.low is not None
            cells.append(f"{value.low:+.{digits}f} to {value.high:+.{digits}f}" if known else "")
        table.add_row(name, *cells)
    return table
