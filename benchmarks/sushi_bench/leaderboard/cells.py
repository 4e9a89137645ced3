"""What tables are made of: columns, cells, and the bars in them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from sushi_bench.leaderboard.standings import Standing
from sushi_bench.scores.bootstrap import Interval

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Cell:
    """What stands in a table under a column.

    Attributes:
        text: As people read it; empty if there is nothing.
        value: As the table is sorted, and as programs read it; empty likewise.
        interval: The 95 % interval, as people read it; empty if there is none.
        low: Its lower end, as `value`.
        high: Its upper end.
    """

    text: str = ""
    value: str = ""
    interval: str = ""
    low: str = ""
    high: str = ""


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        key: Its name for programs.
        heading: Its heading.
        unit: Unit of its figures; empty for a plain number.
        meaning: What it is, in a sentence.
        better: Which figures are better.
        group: What the columns around it have in common.
        digits: Digits after the point.
        get: The figure of a standing, or its interval; None if there is none.
        signed: Whether positive figures get a sign.
    """

    key: str
    heading: str
    unit: str
    meaning: str
    better: Literal["higher", "lower", "neither"]
    group: str
    digits: int
    get: Callable[[Standing], float | Interval | None]
    signed: bool = False

    def cell(self, standing: Standing) -> Cell:
        """The column's cell for a policy."""
        found = self.get(standing)
        if found is None:
            return Cell()
        if not isinstance(found, Interval):
            return Cell(self.show(found), exact(found))
        return Cell(
            self.show(found.value),
            exact(found.value),
            f"{self.show(found.low)} to {self.show(found.high)}",
            exact(found.low),
            exact(found.high),
        )

    def show(self, value: float) -> str:
        """A figure as people read it."""
        text = f"{value:+.{self.digits}f}" if self.signed else f"{value:.{self.digits}f}"
        if float(text) == 0:
            text = text.lstrip("+-")
        return text.replace("-", MINUS)


def track(cell: Cell, low: float, high: float) -> dict[str, str]:
    """A cell as a bar from 0 to its figure, where there is room from `low` to `high`.

    What lies beyond is cut.

    Returns:
        In percent of the room: where 0 is (`zero`), where the bar begins (`left`) and its length
        (`width`), and where the interval begins (`low`) and its length (`span`).
    """
    zero, begin, end, at = (
        min(max((float(value) - low) / (high - low), 0.0), 1.0)
        for value in ("0", cell.low, cell.high, cell.value)
    )
    shares = {"zero": zero, "left": min(zero, at), "width": abs(at - zero)}
    shares |= {"low": begin, "span": end - begin}
    return {name: portion(share) for name, share in shares.items()}


def portion(value: float) -> str:
    """A share as percent, for the style sheet."""
    return f"{100 * value:.2f}"


def groups(columns: Sequence[Column]) -> list[tuple[str, int]]:
    """Names of groups of columns that stand together, and how many columns each has."""
    return [(name, len(list(those))) for name, those in groupby(columns, lambda c: c.group)]


def exact(value: float) -> str:
    """A figure as programs read it: nine digits, which no machine's rounding reaches."""
    return f"{value:.9g}"
