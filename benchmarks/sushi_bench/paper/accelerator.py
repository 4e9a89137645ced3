"""Section 2: SubGraph Stationary on the accelerator alone, without any scheduler."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sushi_accel import get_supernet, supernet_names
from sushi_bench.paper.dedicated import serve_each
from sushi_bench.paper.designs import Design, default_design, nearest, plausible, sweeps
from sushi_bench.paper.published import (
    JOURNAL,
    JOURNAL_LATENCY_REDUCTION_PERCENT,
    LATENCY_REDUCTION_PERCENT,
    PAPER,
)
from sushi_bench.paper.readings import SWEPT, base_board
from sushi_bench.paper.rows import Row, at_least, unpublished

BOARDS = (*SWEPT, "paper_roofline")
"""Boards whose SubNets are listed: those that are swept, and the paper's analytic one."""

Track = Callable[[Sequence[Any], str], Iterable[Any]]
"""Iterates over a sequence and reports progress under a description."""


@dataclass(frozen=True)
class Accelerator:
    """What the sweeps found.

    Attributes:
        sweeps: By SuperNet and preset, the sweeps along each axis; see `designs.sweeps`.
        reaching: By SuperNet and preset, the nearest design that reaches the paper's latency
            reduction; None if none within the device's limits does.
        headline: The nearest of those.
        best: The plausible design that saves most.
        journal: The nearest design that reaches the journal version's figure.
        robust: The nearest design that reaches the paper's figure in both readings.
    """

    sweeps: dict[tuple[str, str], dict[str, list[tuple[float, Design]]]]
    reaching: dict[tuple[str, str], Design | None]
    headline: Design
    best: Design
    journal: Design
    robust: Design


def search(track: Track) -> Accelerator:
    """Sweeps the designs of every SuperNet on every real board."""
    pairs = [(supernet, preset) for supernet in supernet_names() for preset in SWEPT]
    swept, reaching = {}, {}
    everything: list[Design] = []
    for supernet, preset in track(pairs, "sweeping designs"):
        swept[supernet, preset] = sweeps(supernet, preset)
        for points in swept[supernet, preset].values():
            for _, design in points:
                _ = design.saved_percent
        designs = list(plausible(supernet, preset))
        reaching[supernet, preset] = nearest(designs, LATENCY_REDUCTION_PERCENT, _saved)
        everything += designs
    best = max(everything, key=_saved)
    return Accelerator(
        sweeps=swept,
        reaching=reaching,
        headline=nearest(everything, LATENCY_REDUCTION_PERCENT, _saved) or best,
        best=best,
        journal=nearest(everything, JOURNAL_LATENCY_REDUCTION_PERCENT, _saved) or best,
        robust=nearest(everything, LATENCY_REDUCTION_PERCENT, _saved_at_least)
        or max(everything, key=_saved_at_least),
    )


def _saved(design: Design) -> float:
    return design.saved_percent


def _saved_at_least(design: Design) -> float:
    """The lower of both readings; the other one is spared where this one falls short."""
    if design.saved_percent < LATENCY_REDUCTION_PERCENT:
        return design.saved_percent
    return min(design.saved_percent, design.saved_in_other_reading_percent)


def rows(found: Accelerator) -> list[Row]:
    """The headline, the boards as they are, and every SubNet on every board."""
    return [*_headlines(found), *_boards(found), *_subnets()]


def _headlines(found: Accelerator) -> list[Row]:
    defaults = {
        f"{preset} {supernet}": default_design(supernet, preset).saved_percent
        for supernet, preset in found.reaching
    }
    rows = []
    for name, claim, paper, source, design, ours in (
        (
            "latency_reduction_max",
            "largest latency reduction by SubGraph Stationary",
            LATENCY_REDUCTION_PERCENT,
            PAPER,
            found.headline,
            _saved(found.headline),
        ),
        (
            "latency_reduction_max_both_readings",
            "largest latency reduction, both readings of the silicon",
            LATENCY_REDUCTION_PERCENT,
            PAPER,
            found.robust,
            _saved_at_least(found.robust),
        ),
        (
            "latency_reduction_max_journal",
            "largest latency reduction in the journal version",
            JOURNAL_LATENCY_REDUCTION_PERCENT,
            JOURNAL,
            found.journal,
            _saved(found.journal),
        ),
    ):
        rows.append(
            Row(
                id=name,
                claim=claim,
                paper=paper,
                ours=ours,
                unit="%",
                verdict=at_least(paper, ours, "no design within the devices' limits reaches it"),
                settings={
                    "source": source,
                    "subnet": design.best_subnet,
                    "cached": "the SubGraph that is best for this SubNet alone",
                    "design": design.describe(),
                    "in_this_reading": design.saved_percent,
                    "in_other_reading": design.saved_in_other_reading_percent,
                    "on_default_boards": defaults,
                },
            )
        )
    return rows


def _boards(found: Accelerator) -> list[Row]:
    """Each real board as it is, and what it would take to reach the paper's figure on it."""
    rows = []
    for (supernet, preset), reaching in found.reaching.items():
        default = default_design(supernet, preset)
        everything = replace(default.board, pb_bytes=_heaviest(supernet))
        limit = serve_each(supernet, everything).latency_saved.max()
        because = (
            f"the buffer is too small: with all weights cached it would be {limit:.1f} %"
            if limit >= LATENCY_REDUCTION_PERCENT
            else f"even with all weights cached it would be {limit:.1f} %"
        )
        rows.append(
            Row(
                id=f"latency_reduction_{preset}_{supernet}",
                claim="largest latency reduction, board as it is",
                paper=LATENCY_REDUCTION_PERCENT,
                ours=default.saved_percent,
                unit="%",
                verdict=at_least(LATENCY_REDUCTION_PERCENT, default.saved_percent, because),
                settings={
                    "source": PAPER,
                    "subnet": default.best_subnet,
                    "design": default.describe(),
                    "all_weights_cached_percent": float(limit),
                    "reached_by": None
                    if reaching is None
                    else reaching.describe() | {"saved_percent": reaching.saved_percent},
                },
            )
        )
    return rows


def _heaviest(supernet: str) -> int:
    """Bytes of the heaviest SubNet's weights."""
    return max(subnet.weight_bytes for subnet in get_supernet(supernet).subnets)


def _subnets() -> list[Row]:
    rows = []
    for preset in BOARDS:
        for supernet in supernet_names():
            design = default_design(supernet, preset)
            served = serve_each(supernet, base_board(preset))
            for i, name in enumerate(served.names):
                rows.append(
                    Row(
                        id=f"latency_{preset}_{supernet}_{name}",
                        claim=f"latency reduction of SubNet {name} of {supernet} on {preset}",
                        paper=None,
                        ours=float(served.latency_saved[i]),
                        unit="%",
                        verdict=unpublished(),
                        settings={
                            "without_pb_ms": 1e3 * float(served.latency_s[0, i]),
                            "with_pb_ms": 1e3 * float(served.latency_s[1, i]),
                            "design": design.describe(),
                        },
                    )
                )
    return rows
