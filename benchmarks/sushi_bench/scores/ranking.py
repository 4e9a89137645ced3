"""Scores of result files: how far each policy gets from the best static SubNet to the bound.

In each scenario, the static SubNet with the best mean utility over the evaluation seeds scores 0
and the clairvoyant upper bound's mean scores 1; an episode's score is its utility on that scale.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sushi_agents.kinds_of_name import CLAIRVOYANT, STATIC
from sushi_bench.results.files import RESULTS_SUFFIX, Results, read_results
from sushi_bench.scores.bootstrap import Interval, Scores, interquartile_mean, mean, with_intervals
from sushi_bench.suite.suite import get_suite
from sushi_env import InputError, compile_scenario
from sushi_env.engine.metrics import METRICS


@dataclass(frozen=True)
class Scale:
    """What 0 and 1 are, per scenario of the suite.

    Attributes:
        best_static: The static policy that scores 0.
        zero: Its mean utility, shape (scenarios,).
        one: Mean of the clairvoyant upper bound, shape (scenarios,).
    """

    best_static: list[str]
    zero: NDArray[np.float64]
    one: NDArray[np.float64]

    def scores(self, utilities: Scores) -> Scores:
        """Utilities, shape (..., scenarios, episodes), as scores."""
        return (utilities - self.zero[:, None]) / (self.one - self.zero)[:, None]


@dataclass(frozen=True)
class Stability:
    """Whether halves of the episodes rank policies alike.

    Attributes:
        pairs: Pairs of policies whose intervals do not overlap.
        reversed: Those of them that are the other way round in a half.
        halves: Each policy's figure in the two halves.
    """

    pairs: int
    reversed: list[tuple[str, str]]
    halves: dict[str, tuple[float, float]]


def read_all(paths: Sequence[Path]) -> list[Results]:
    """Reads result files, and all `*.jsonl` of folders.

    Raises:
        InputError: If a file is not valid, there is none, two are of one policy, or they are of
            different suites.
    """
    files = [
        f for p in paths for f in (sorted(p.glob(f"*{RESULTS_SUFFIX}")) if p.is_dir() else [p])
    ]
    if not files:
        shown = ", ".join(map(str, paths))
        raise InputError(f"no result file (*{RESULTS_SUFFIX}) in {shown}")
    found: dict[str, Results] = {}
    for file in files:
        results = read_results(file)
        first = found.setdefault(results.header.policy, results)
        if first is not results:
            raise InputError(
                f"{file}: results of policy {results.header.policy!r}, which {first.path} has too"
            )
        suites = {r.header.suite for r in found.values()}
        if len(suites) > 1:
            raise InputError(f"{file}: suite {results.header.suite}, the others are of another")
    return list(found.values())


def metric(results: Results, name: str = "utility") -> Scores:
    """A metric of a file's episodes, or `upper`; shape (scenarios of the file, episodes)."""
    if name == "upper":
        values = [row.upper if row.upper is not None else np.nan for row in results.rows]
    else:
        values = [getattr(row.metrics, name) for row in results.rows]
    return np.array(values, dtype=np.float64).reshape(-1, results.header.episodes)


def mean_metrics(results: Results) -> dict[str, float]:
    """Mean of each metric over all episodes of a file."""
    return {name: float(metric(results, name).mean()) for name in METRICS}


def scale_of(everything: Sequence[Results], which: slice = slice(None)) -> Scale:
    """The scale that the static policies and the bound among some results make.

    Args:
        everything: All results.
        which: Episodes that count, of each scenario.

    Raises:
        InputError: If the results of the bound, or of a static SubNet, are not among them.
    """
    suite = get_suite(everything[0].header.suite)
    by_policy = {results.header.policy: results for results in everything}
    names, zero, one = [], [], []
    for name, scenario in suite.scenarios().items():
        subnets = compile_scenario(scenario).table.subnet_names
        static = {f"{STATIC}{subnet}": 0.0 for subnet in subnets}
        for policy in (*static, CLAIRVOYANT):
            found = by_policy.get(policy)
            if found is None or not _has_all(found, name):
                raise InputError(
                    f"no scores without all episodes of {policy!r} in {name}: "
                    f"sushi bench run --policy {policy}"
                )
        for policy in static:
            static[policy] = float(_of(by_policy[policy], name)[which].mean())
        best = max(static, key=lambda policy: static[policy])
        names.append(best)
        zero.append(static[best])
        one.append(float(_of(by_policy[CLAIRVOYANT], name, "upper")[which].mean()))
    return Scale(names, np.array(zero), np.array(one))


def utilities(everything: Sequence[Results]) -> Scores:
    """Utilities of complete results, shape (policies, scenarios, episodes)."""
    return np.array([metric(results) for results in everything])


def improvement(scores: Scores, reference: Scores) -> list[Interval]:
    """How probable it is that policies do better than a reference on the same queries.

    The share of episodes with a higher score; equal ones count half.

    Args:
        scores: Shape (policies, scenarios, episodes).
        reference: Shape (scenarios, episodes).
    """
    return with_intervals((np.sign(scores - reference) + 1) / 2, mean)


def differences(scores: Scores, reference: Scores) -> list[Interval]:
    """Mean differences to a reference, episode by episode; shapes as in `improvement`."""
    return with_intervals(scores - reference, mean)


def profile(scores: Scores, levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Performance profiles: the share of episodes that score above each level.

    Args:
        scores: Shape (policies, scenarios, episodes).
        levels: Shape (L,).

    Returns:
        Shape (policies, L).
    """
    flat = np.sort(scores.reshape(len(scores), -1), axis=-1)
    below = np.array([np.searchsorted(row, levels, side="right") for row in flat])
    return 1 - below / flat.shape[-1]


def stability(
    ranked: Sequence[Results], everything: Sequence[Results], scaled: bool = True
) -> Stability:
    """Holds the ranking of policies against the rankings of two halves of the episodes.

    The halves are every other episode; each has a scale of its own.

    Args:
        ranked: Complete results of the policies that are ranked.
        everything: All results, those that make the scale included.
        scaled: Whether policies are ranked by score; else by mean utility, which needs no scale.
    """
    all_utilities = utilities(ranked)
    statistic = interquartile_mean if scaled else mean

    def figures(which: slice) -> Scores:
        chosen = all_utilities[..., which]
        return scale_of(everything, which).scores(chosen) if scaled else chosen

    whole = with_intervals(figures(slice(None)), statistic)
    first, second = (statistic(figures(slice(k, None, 2))).tolist() for k in (0, 1))
    pairs, turned = 0, []
    names = [results.header.policy for results in ranked]
    for a, b in combinations(range(len(ranked)), 2):
        if whole[a].apart_from(whole[b]):
            pairs += 1
            better = whole[a].value > whole[b].value
            if any((half[a] > half[b]) != better for half in (first, second)):
                turned.append((names[a], names[b]))
    return Stability(pairs, turned, dict(zip(names, zip(first, second, strict=True), strict=True)))


def _has_all(results: Results, scenario: str) -> bool:
    return scenario in results.header.scenarios and results.header.has_all_episodes


def _of(results: Results, scenario: str, name: str = "utility") -> NDArray[np.float64]:
    return metric(results, name)[list(results.header.scenarios).index(scenario)]
