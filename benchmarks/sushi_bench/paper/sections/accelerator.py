"""Section 2: SubGraph Stationary on the accelerator alone, without any scheduler."""

from dataclasses import dataclass, replace

from sushi_accel import get_supernet, supernet_names
from sushi_bench.paper.dedicated import serve_each
from sushi_bench.paper.designs import Design, default_design, nearest, plausible, sweeps
from sushi_bench.paper.devices import SWEPT, base_board
from sushi_bench.paper.published import (
    JOURNAL,
    JOURNAL_LATENCY_REDUCTION_PERCENT,
    LATENCY_REDUCTION_PERCENT,
    PAPER,
)
from sushi_bench.paper.rows import Row, alone, compared
from sushi_bench.paper.sections import Track

BOARDS = (*SWEPT, "paper_roofline")
"""Boards whose SubNets are listed: those that are swept, and the paper's analytic one."""


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

    sweeps: dict[tuple[str, str], dict[str, list[Design]]]
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
    in_paper = LATENCY_REDUCTION_PERCENT, PAPER
    in_journal = JOURNAL_LATENCY_REDUCTION_PERCENT, JOURNAL
    both_readings = ", both readings of the silicon"
    return [
        compared(
            f"latency_reduction_max{suffix}",
            f"largest latency reduction{claim}",
            paper,
            value(design),
            "%",
            "no design within the devices' limits reaches it",
            {
                "subnet": design.best_subnet,
                "cached": "the SubGraph that is best for this SubNet alone",
                "design": design.describe(),
                "in_this_reading": design.saved_percent,
                "in_other_reading": design.saved_in_other_reading_percent,
                "on_default_boards": defaults,
            },
            source=source,
        )
        for suffix, claim, design, value, paper, source in (
            ("", " by SubGraph Stationary", found.headline, _saved, *in_paper),
            ("_both_readings", both_readings, found.robust, _saved_at_least, *in_paper),
            ("_journal", " in the journal version", found.journal, _saved, *in_journal),
        )
    ]


def _boards(found: Accelerator) -> list[Row]:
    """Each real board as it is, and what it would take to reach the paper's figure on it."""
    rows = []
    for (supernet, preset), reaching in found.reaching.items():
        default = default_design(supernet, preset)
        heaviest = max(subnet.weight_bytes for subnet in get_supernet(supernet).subnets)
        everything = replace(default.board, pb_bytes=heaviest)
        limit = serve_each(supernet, everything).latency_saved.max()
        with_all = f"with all weights cached it would be {limit:.1f} %"
        enough = limit >= LATENCY_REDUCTION_PERCENT
        because = f"the buffer is too small: {with_all}" if enough else f"even {with_all}"
        reached_by = reaching and reaching.describe() | {"saved_percent": reaching.saved_percent}
        rows.append(
            compared(
                f"latency_reduction_{preset}_{supernet}",
                "largest latency reduction, board as it is",
                LATENCY_REDUCTION_PERCENT,
                default.saved_percent,
                "%",
                because,
                {
                    "subnet": default.best_subnet,
                    "design": default.describe(),
                    "all_weights_cached_percent": float(limit),
                    "reached_by": reached_by,
                },
            )
        )
    return rows


def _subnets() -> list[Row]:
    rows = []
    for preset in BOARDS:
        for supernet in supernet_names():
            described = default_design(supernet, preset).describe()
            served = serve_each(supernet, base_board(preset))
            rows += [
                alone(
                    f"latency_{preset}_{supernet}_{name}",
                    f"latency reduction of SubNet {name} of {supernet} on {preset}",
                    float(served.latency_saved[i]),
                    "%",
                    {
                        "without_pb_ms": 1e3 * float(served.latency_s[0, i]),
                        "with_pb_ms": 1e3 * float(served.latency_s[1, i]),
                        "design": described,
                    },
                )
                for i, name in enumerate(served.names)
            ]
    return rows
