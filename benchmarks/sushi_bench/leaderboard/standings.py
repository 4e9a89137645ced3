"""What the page says: who stands where, over the suite and in each scenario of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from itertools import count

import numpy as np
from numpy.typing import NDArray

from sushi_bench.results.files import Results
from sushi_bench.scores.bootstrap import Interval, Scores, mean, with_intervals
from sushi_bench.scores.ranking import Scale, differences, improvement, metric, utilities
from sushi_bench.scores.tables import Ranking, rank
from sushi_bench.suite.suite import Suite, get_suite
from sushi_env import EpisodeMetrics, Scenario


@dataclass(frozen=True)
class Standing:
    """One policy, over the suite or in one scenario.

    Attributes:
        results: Its result file.
        place: 1 for the best; None for the bound, which is no scheduler.
        metrics: Mean of each metric.
        utility: Mean utility.
        score: Over the suite, the interquartile mean of its scores; in a scenario their mean.
            None without a scale.
        mean_score: Mean of its scores; None without a scale.
        difference: Mean utility minus the reference's, episode by episode; None for the
            reference, or if it is not there.
        improvement: Probability that it does better than the reference; None likewise.
    """

    results: Results
    place: int | None
    metrics: EpisodeMetrics
    utility: Interval
    score: Interval | None
    mean_score: float | None
    difference: Interval | None
    improvement: Interval | None

    @property
    def label(self) -> str:
        """What the policy is called on the page."""
        return self.results.header.label

    @property
    def kind(self) -> str:
        """`heuristic`, `learned`, `bound` or `other`."""
        return self.results.header.kind


@dataclass(frozen=True)
class ScenarioStandings:
    """One scenario of the suite.

    Attributes:
        name: Its name.
        scenario: What it is.
        standings: Best mean utility first; the bound stands where its utility puts it.
        upper: Mean of the clairvoyant upper bound; None if it is not known.
        best_static: Label of the static policy that scores 0; None without a scale.
        zero: Its mean utility.
    """

    name: str
    scenario: Scenario
    standings: list[Standing]
    upper: float | None
    best_static: str | None
    zero: float | None

    def best(self, kind: str) -> Standing | None:
        """The best policy of a kind."""
        return next((s for s in self.standings if s.kind == kind), None)

    def worst(self, kind: str) -> Standing | None:
        """The worst policy of a kind."""
        return next((s for s in reversed(self.standings) if s.kind == kind), None)


@dataclass(frozen=True)
class Leaderboard:
    """Everything on the page.

    Attributes:
        suite: The suite.
        everything: The result files.
        ranking: As `sushi bench scores` has it.
        reference: Label of the policy that the others are compared with.
        standings: Of the complete results, in the order of the ranking.
        scores: Scores of their episodes in that order, or utilities without a scale; shape
            (policies, scenarios, episodes).
        scenarios: Each scenario of the suite, in its order.
    """

    suite: Suite
    everything: list[Results]
    ranking: Ranking
    reference: str | None
    standings: list[Standing]
    scores: Scores
    scenarios: list[ScenarioStandings]

    @property
    def scored(self) -> bool:
        """Whether there is a scale."""
        return self.ranking.scale is not None

    def has(self, kind: str) -> bool:
        """Whether there are results of a kind of policy."""
        return any(results.header.kind == kind for results in self.everything)

    def is_reference(self, standing: Standing) -> bool:
        """Whether the others are compared with it."""
        return standing.results.header.policy == self.ranking.reference

    def anchor(self, results: Results) -> str:
        """Where a policy is described on the front page."""
        policies = [each.header.policy for each in self.everything]
        return f"policy-{policies.index(results.header.policy) + 1}"


def leaderboard_of(everything: Sequence[Results], reference: str | None = None) -> Leaderboard:
    """Computes the page's contents.

    Args:
        everything: Results of one suite, of different policies.
        reference: The policy that the others are compared with; see `rank`.

    Raises:
        InputError: If there are no complete results of the reference.
    """
    ranking = rank(everything, reference)
    suite = get_suite(everything[0].header.suite)
    complete = [entry.results for entry in ranking.entries]
    scores = utilities(complete)
    entries = ranking.entries
    standings = _standings(
        complete,
        scores,
        ranking,
        [entry.metrics for entry in entries],
        lambda n, _: (entries[n].score, entries[n].mean_score),
    )
    labels = {results.header.policy: results.header.label for results in everything}
    scenarios = [
        _in_scenario(name, scenario, k, everything, ranking)
        for k, (name, scenario) in enumerate(suite.scenarios().items())
    ]
    return Leaderboard(
        suite,
        list(everything),
        ranking,
        labels.get(ranking.reference or ""),
        standings,
        ranking.scale.scores(scores) if ranking.scale and complete else scores,
        scenarios,
    )


def _standings(
    results: Sequence[Results],
    scores: Scores,
    ranking: Ranking,
    metrics: Sequence[EpisodeMetrics],
    score: Callable[[int, Interval], tuple[Interval | None, float | None]],
) -> list[Standing]:
    """Standings in the order given, which is that of their places; the bound takes none.

    Args:
        results: Result files.
        scores: Utilities of their episodes, shape (policies, scenarios, episodes).
        ranking: What the reference is.
        metrics: The mean of each metric, by file.
        score: Score and mean score by a file's number and its mean utility.
    """
    if not results:
        return []
    names = [r.header.policy for r in results]
    against: list[Interval | None] = [None] * len(results)
    better: list[Interval | None] = [None] * len(results)
    if ranking.reference in names:
        at = names.index(ranking.reference)
        against[:], better[:] = differences(scores, scores[at]), improvement(scores, scores[at])
        against[at] = better[at] = None
    standings, places = [], count(1)
    for n, utility in enumerate(with_intervals(scores, mean)):
        place = None if results[n].header.kind == "bound" else next(places)
        standings.append(
            Standing(
                results[n], place, metrics[n], utility, *score(n, utility), against[n], better[n]
            )
        )
    return standings


def _in_scenario(
    name: str, scenario: Scenario, k: int, everything: Sequence[Results], ranking: Ranking
) -> ScenarioStandings:
    there = [r for r in everything if name in r.header.scenarios and r.header.has_all_episodes]
    there.sort(key=lambda r: -float(_row(r, name).mean()))
    scale = ranking.scale

    def score(_: int, utility: Interval) -> tuple[Interval | None, float | None]:
        scaled = scale and _scaled(utility, scale, k)
        return scaled, scaled and scaled.value

    means = [
        EpisodeMetrics(
            **{f.name: float(_row(r, name, f.name).mean()) for f in fields(EpisodeMetrics)}
        )
        for r in there
    ]
    found = np.array([_row(r, name) for r in there])[:, None]
    bound = next((r for r in there if r.header.kind == "bound"), None)
    labels = {r.header.policy: r.header.label for r in everything}
    return ScenarioStandings(
        name,
        scenario,
        _standings(there, found, ranking, means, score),
        None if bound is None else float(_row(bound, name, "upper").mean()),
        None if scale is None else labels[scale.best_static[k]],
        None if scale is None else float(scale.zero[k]),
    )


def _scaled(utility: Interval, scale: Scale, k: int) -> Interval:
    """A mean utility in a scenario as a score; the scale is linear, so its interval goes along."""
    zero, width = float(scale.zero[k]), float(scale.one[k] - scale.zero[k])
    return Interval(*((v - zero) / width for v in (utility.value, utility.low, utility.high)))


def _row(results: Results, scenario: str, name: str = "utility") -> NDArray[np.float64]:
    """A metric of a file's episodes in one scenario, shape (episodes,)."""
    return metric(results, name)[list(results.header.scenarios).index(scenario)]
