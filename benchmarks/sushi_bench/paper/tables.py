"""The table in which people read the rows."""

from rich import box
from rich.table import Table

from sushi_bench.paper.report import Report


def number(value: float | None) -> str:
    """Four significant digits, without an exponent; a dash for none."""
    if value is None:
        return "-"
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
    return f"{value:,.{digits}f}"


def as_table(report: Report, everything: bool) -> Table:
    """The rows, section by section.

    Args:
        report: The report.
        everything: Whether rows without a published figure are shown as well.
    """
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("figure", ratio=5)
    table.add_column("paper", justify="right", no_wrap=True)
    table.add_column("ours", justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("verdict", ratio=5)
    for title, rows in report.sections.items():
        shown = [row for row in rows if everything or row.paper is not None]
        if not shown:
            continue
        table.add_row(f"[bold]{title}[/bold]")
        for row in shown:
            style = "green" if row.reproduced else None
            table.add_row(
                row.claim, number(row.paper), number(row.ours), row.unit, row.verdict, style=style
            )
        table.add_section()
    return table
