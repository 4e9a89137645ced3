"""One row per figure, and the verdicts that rows carry."""

import math
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from sushi_bench.paper.published import PAPER

REPRODUCED = "reproduced"
NEAR_PERCENT = 10.0
"""A figure that misses by more is called not reproducible."""

SIGNIFICANT_DIGITS = 6


class Row(BaseModel):
    """A figure of the paper and ours.

    Attributes:
        id: Stable name of the row.
        claim: What the figure is.
        paper: What the paper publishes; None if it publishes no such figure.
        ours: What this run computed.
        unit: Unit of both.
        verdict: `reproduced`, `within x %`, `not reproducible because ...`, or, where there is
            nothing to compare with, a phrase that begins with `no published figure`.
        settings: What ours was computed with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    claim: str
    paper: float | None
    ours: float
    unit: str
    verdict: str
    settings: dict[str, Any]

    @property
    def reproduced(self) -> bool:
        """Whether the paper's figure is met or passed."""
        return self.verdict == REPRODUCED


def compared(
    name: str,
    claim: str,
    paper: float,
    ours: float,
    unit: str,
    because: str,
    settings: dict[str, Any],
    *,
    decimals: int | None = None,
    source: str = PAPER,
) -> Row:
    """A row with a published figure.

    Args:
        name: Stable name of the row, its `id`.
        claim: What the figure is.
        paper: The published figure.
        ours: Ours.
        unit: Unit of both.
        because: Why ours may be worse, to follow the word "because".
        settings: What ours was computed with.
        decimals: Decimals that are printed of a figure published as such; by default it is
            published as "up to".
        source: Where it is published.
    """
    if decimals is None:
        verdict = at_least(paper, ours, because)
    else:
        verdict = equal(paper, ours, decimals, because)
    settings = {"source": source, **settings}
    return Row(
        id=name, claim=claim, paper=paper, ours=ours, unit=unit, verdict=verdict, settings=settings
    )


def alone(
    name: str, claim: str, ours: float, unit: str, settings: dict[str, Any], note: str = ""
) -> Row:
    """A row for which the paper publishes no figure; the verdict may carry a note."""
    verdict = f"no published figure{'; ' if note else ''}{note}"
    return Row(
        id=name, claim=claim, paper=None, ours=ours, unit=unit, verdict=verdict, settings=settings
    )


def _near(paper: float, ours: float, because: str) -> str:
    off = 100 * abs(ours - paper) / abs(paper)
    if off <= NEAR_PERCENT:
        return f"within {math.ceil(10 * off) / 10:.1f} %"
    return f"not reproducible because {because}"


def at_least(paper: float, ours: float, because: str) -> str:
    """Verdict on a figure published as "up to": met or passed is reproduced."""
    return REPRODUCED if ours >= paper else _near(paper, ours, because)


def equal(paper: float, ours: float, decimals: int, because: str) -> str:
    """Verdict on a figure published as such: reproduced if it is the same as printed."""
    same = round(ours, decimals) == round(paper, decimals)
    return REPRODUCED if same else _near(paper, ours, because)


def significant(value: Any) -> Any:
    """Plain data with every float cut to six significant digits."""
    if isinstance(value, dict):
        return {str(key): significant(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [significant(entry) for entry in value]
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    return value


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows as `sushi paper --json` prints them."""
    return [significant(row.model_dump()) for row in rows]
