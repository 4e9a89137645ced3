"""Scores as people and programs read them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from sushi_agents.kinds_of_name import CLAIRVOYANT
from sushi_bench import console
from sushi_bench.comparing.comparison import PREFERRED_REFERENCE
from sushi_bench.comparing.comparison_tables import COLUMNS
from sushi_bench.results.files import Results
from sushi_bench.scores.bootstrap import Interval, with_intervals
from sushi_bench.scores.ranking import (
    Scale,
    Stability,
    differences,
    improvement,
    mean_metrics,
    scale_of,
    stability,
    utilities,
)
from sushi_env import EpisodeMetrics, InputError


@dataclass(frozen=True)
class Entry:
    """A ranked policy.

    Attributes:
        results: Its result file.
        metrics: Mean of each metric over all episodes.
        score: Interquartile mean of its scores; None without a scale, likewise below.
        mean_score: Mean of its scores.
        improvement: Probability that it does better than the reference.
        difference: Mean difference of scores to the reference.
    """

    results: Results
    metrics: EpisodeMetrics
    score: Interval | None = None
    mean_score: float | None = None
    improvement: Interval | None = None
    difference: Interval | None = None


@dataclass(frozen=True)
class Ranking:
    """Ranked policies.

    Attributes:
        entries: Best first: by score, or by mean utility where there is no scale. The bound, if
            complete, is among them.
        partial: Results that rank nobody, because scenarios or episodes are left out.
        reference: The policy that the others are compared with; None if there is none.
        scale: What 0 and 1 are; None if results that make it are missing.
        why_none: What is missing, if so.
        stability: Whether halves of the episodes rank alike.
    """

    entries: list[Entry]
    partial: list[Results]
    reference: str | None
    scale: Scale | None
    why_none: str | None
    stability: Stability | None


def rank(everything: Sequence[Results], reference: str | None = None) -> Ranking:
    """Ranks the complete ones among some results.

    Args:
        everything: Results of one suite, of different policies.
        reference: The policy that the others are compared with.

    Raises:
        InputError: If there are no complete results of the reference.
    """
    complete = [results for results in everything if not results.header.partial]
    partial = [results for results in everything if results.header.partial]
    names = [results.header.policy for results in complete]
    if reference is not None and reference not in names:
        raise InputError(f"no complete results of reference {reference!r}; of: {', '.join(names)}")
    if reference is None and names:
        reference = PREFERRED_REFERENCE if PREFERRED_REFERENCE in names else names[0]
    policies = [results for results in complete if results.header.policy != CLAIRVOYANT]
    means = [EpisodeMetrics(**mean_metrics(results)) for results in complete]
    try:
        scale, why_none = scale_of(everything), None
    except InputError as error:
        scale, why_none = None, str(error)
    if scale is None or reference is None:
        entries = [
            Entry(results, metrics) for results, metrics in zip(complete, means, strict=True)
        ]
        entries.sort(key=lambda entry: -entry.metrics.utility)
        halves = stability(policies, everything, scaled=False) if policies else None
        return Ranking(entries, partial, reference, None, why_none, halves)
    scores = scale.scores(utilities(complete))
    base = scores[names.index(reference)]
    columns = zip(
        complete,
        means,
        with_intervals(scores),
        scores.mean(axis=(1, 2)).tolist(),
        improvement(scores, base),
        differences(scores, base),
        strict=True,
    )
    entries = [Entry(*column) for column in columns]
    entries.sort(key=lambda entry: -entry.score.value if entry.score else 0.0)
    return Ranking(entries, partial, reference, scale, None, stability(policies, everything))


def as_table(ranking: Ranking) -> Table:
    """The ranking as a table."""
    extra = ("score", "95 %\ninterval", "better\n%") if ranking.scale is not None else ()
    shown = [metric for metric in COLUMNS if metric.name != "reward"]
    rows = []
    for entry in ranking.entries:
        cells = [entry.results.header.label]
        if entry.score is not None and entry.improvement is not None:
            cells += [
                f"{entry.score.value:.3f}",
                f"{entry.score.low:.3f} to {entry.score.high:.3f}",
                f"{100 * entry.improvement.value:.0f}",
            ]
        rows.append([*cells, *(metric.shown(entry.metrics) for metric in shown)])
    return console.table(("policy", *extra, *(metric.brief for metric in shown)), rows)


def halves_table(found: Stability) -> Table:
    """Each policy's figure in the two halves of the episodes, and its rank there."""
    orders = [sorted((-pair[k], name) for name, pair in found.halves.items()) for k in (0, 1)]
    ranks = [{name: n for n, (_, name) in enumerate(order, start=1)} for order in orders]
    rows = []
    for _, name in orders[0]:
        shown = [(f"{found.halves[name][k]:.3f}", ranks[k][name]) for k in (0, 1)]
        rows.append((name, *shown[0], *shown[1]))
    return console.table(("policy", "even\nepisodes", "rank", "odd\nepisodes", "rank"), rows)


def notes(ranking: Ranking) -> list[str]:
    """What stands below the table, a line each."""
    lines = []
    if ranking.why_none is not None:
        lines.append(f"Ranked by mean utility: {ranking.why_none}")
    else:
        lines.append(
            f"Better: episodes in which it does better than {ranking.reference}, in percent."
        )
    for results in ranking.partial:
        header = results.header
        scenarios = f"{len(header.scenarios)} scenario{'s' if len(header.scenarios) > 1 else ''}"
        lines.append(
            f"Not ranked, partial: {header.label} ({scenarios} of {header.episodes} episodes)"
        )
    if ranking.stability is not None:
        found = ranking.stability
        turned = "; ".join(f"{a} and {b}" for a, b in found.reversed)
        lines.append(
            f"Halves of the episodes: {found.pairs - len(found.reversed)} of {found.pairs} pairs "
            f"whose intervals do not overlap keep their order{f', not {turned}' if turned else ''}."
        )
    return lines


def as_json(ranking: Ranking) -> dict[str, Any]:
    """The ranking as `sushi bench scores --json` prints it."""
    scale = ranking.scale
    return {
        "reference": ranking.reference,
        "policies": [
            {
                "policy": entry.results.header.policy,
                "label": entry.results.header.label,
                "kind": entry.results.header.kind,
                "score": asdict(entry.score) if entry.score else None,
                "mean_score": entry.mean_score,
                "probability_of_improvement": (
                    asdict(entry.improvement) if entry.improvement else None
                ),
                "paired_difference": asdict(entry.difference) if entry.difference else None,
                "metrics": asdict(entry.metrics),
            }
            for entry in ranking.entries
        ],
        "partial": [results.header.policy for results in ranking.partial],
        "no_scores_because": ranking.why_none,
        "scale": None
        if scale is None
        else {
            name: {"best_static": best, "zero": zero, "one": one}
            for name, best, zero, one in zip(
                ranking.entries[0].results.header.scenarios,
                scale.best_static,
                scale.zero.tolist(),
                scale.one.tolist(),
                strict=True,
            )
        },
        "halves": asdict(ranking.stability) if ranking.stability else None,
    }
