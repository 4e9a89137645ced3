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
    """A row, called `name`, with a figure that `source` publishes; see `verdict_on`."""
    verdict = verdict_on(paper, ours, because, decimals)
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


def verdict_on(paper: float, ours: float, because: str, decimals: int | None = None) -> str:
    """Verdict on a figure.

    Args:
        paper: The published figure.
        ours: Ours.
        because: Why ours may be worse, to follow the word "because".
        decimals: Decimals that are printed of a figure published as such, reproduced if it is
            the same as printed; by default it is published as "up to": met or passed will do.
    """
    as_printed = decimals is not None and round(ours, decimals) == round(paper, decimals)
    if as_printed or (decimals is None and ours >= paper):
        return REPRODUCED
    off = 100 * abs(ours - paper) / abs(paper)
    if off <= NEAR_PERCENT:
        return f"within {math.ceil(10 * off) / 10:.1f} %"
    return f"not reproducible because {because}"


def significant(value: Any) -> Any:
    """Plain data with every float cut to six significant digits."""
    if isinstance(value, dict):
        return {str(key): significant(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [significant(entry) for entry in value]
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    return value


def as_json(rows: Sequence[Row], notes: Sequence[str]) -> dict[str, Any]:
    """The rows as `sushi paper --json` prints them, and what was left out."""
    return {"rows": [significant(row.model_dump()) for row in rows], "left_out": list(notes)}
