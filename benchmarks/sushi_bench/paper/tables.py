"""The table in which people read the rows."""

from typing import Any

from rich import box
from rich.table import Table

from sushi_bench.paper.report import Report
from sushi_bench.paper.rows import Row


def number(value: float | None) -> str:
    """Four significant digits, without an exponent; a dash for none."""
    if value is None:
        return "-"
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
    return f"{value:,.{digits}f}"


def where(design: dict[str, Any]) -> str:
    """A design's settings, as `Design.describe` gives them, in one phrase."""
    return (
        f"{design['board']}, {design['pb_kib']:g} KiB, {design['bandwidth_gbs']:.3g} GB/s, "
        f"{design['array']}"
    )


def _design(row: Row) -> str:
    design = row.settings.get("design")
    return f"{design['supernet']} on {where(design)}" if isinstance(design, dict) else ""


def as_table(report: Report, everything: bool) -> Table:
    """The rows, section by section.

    Args:
        report: The report.
        everything: Whether rows without a published figure are shown as well.
    """
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("figure", "paper", "ours", "unit", "design", "verdict"):
        number_or_unit = heading in ("paper", "ours", "unit")
        table.add_column(
            heading,
            ratio=None if number_or_unit else 4,
            no_wrap=number_or_unit,
            justify="right" if heading in ("paper", "ours") else "left",
        )
    for title, rows in report.sections.items():
        shown = [row for row in rows if everything or row.paper is not None]
        if not shown:
            continue
        table.add_row(f"[bold]{title}[/bold]")
        for row in shown:
            style = "green" if row.reproduced else None
            cells = (row.claim, number(row.paper), number(row.ours), row.unit, _design(row))
            table.add_row(*cells, row.verdict, style=style)
        table.add_section()
    return table
