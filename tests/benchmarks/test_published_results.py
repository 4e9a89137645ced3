"""What agents/README.md says of the zoo and the bound is what the published result files say."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from chosen import RESULTS, SUITE
from sushi_bench.scores.ranking import read_all

ROOT = Path(__file__).parents[2]
LEARNED = ("zoo", "generalist")
BOUND = "clairvoyant"
PLANS = "lookahead"  # judged apart: it plans with the hardware's table in hand


@pytest.fixture(scope="module")
def published():
    """Utility and upper bound by policy and scenario, an episode an entry."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for results in read_all([RESULTS]):
        scenarios = found.setdefault(results.header.policy, {})
        for row in results.rows:
            upper = np.nan if row.upper is None else row.upper
            scenarios.setdefault(row.scenario, []).append((row.metrics.utility, upper))
    return {
        policy: {name: np.array(rows) for name, rows in scenarios.items()}
        for policy, scenarios in found.items()
    }


def utility(published, policy, scenario):
    return published[policy][scenario][:, 0]


def heuristics(published, scenario):
    """All but `lookahead` that ran in a scenario, the best on average first."""
    names = [
        policy
        for policy, scenarios in published.items()
        if policy not in (*LEARNED, BOUND, PLANS) and scenario in scenarios
    ]
    return sorted(names, key=lambda policy: -utility(published, policy, scenario).mean())


def closed(published, policy, scenario):
    """Share of the gap between the best heuristic and the bound that a policy closes."""
    best = utility(published, heuristics(published, scenario)[0], scenario).mean()
    upper = published[BOUND][scenario][:, 1].mean()
    return (utility(published, policy, scenario).mean() - best) / (upper - best)


def test_the_zoo_beats_every_heuristic_on_every_scenario(published):
    for scenario in published[BOUND]:
        rivals = heuristics(published, scenario)
        assert len(rivals) > 15
        for rival in rivals:
            better = utility(published, "zoo", scenario) - utility(published, rival, scenario)
            half = stats.t.ppf(0.975, len(better) - 1) * stats.sem(better)
            assert better.mean() - half > 0, (scenario, rival)


def test_the_zoo_closes_half_of_the_gap(published):
    shares = {
        policy: [closed(published, policy, scenario) for scenario in published[BOUND]]
        for policy in (*LEARNED, PLANS)
    }
    assert np.mean(shares["zoo"]) >= 0.5
    said = (ROOT / "agents" / "README.md").read_text().replace("\n", " ")
    means = {policy: f"{100 * np.mean(share):.0f} %" for policy, share in shares.items()}
    assert f"it closes {means['zoo']} on average" in said
    assert f"the generalists {means['generalist']}, `lookahead` {means[PLANS]}" in said


def test_the_bound_is_tight(published):
    for scenario, episodes in published[BOUND].items():
        statics = [policy for policy in heuristics(published, scenario) if "static-" in policy]
        zero = max(utility(published, policy, scenario).mean() for policy in statics)
        gap = (episodes[:, 1] - episodes[:, 0]).mean() / (episodes[:, 1].mean() - zero)
        assert 0 <= gap <= 0.02, scenario


def test_the_table_of_the_zoo_is_that_of_the_result_files(published):
    section = (ROOT / "agents" / "README.md").read_text().partition("## The zoo")[2]
    rows = [
        re.sub("[`* ]", "", line).split("|")[1:6]
        for line in section.splitlines()
        if line.startswith(f"| `{SUITE}-")
    ]
    assert [row[0] for row in rows] == list(published[BOUND])
    for scenario, best, *figures in rows:
        first = heuristics(published, scenario)[0]  # which may share its place
        assert (
            utility(published, best, scenario).mean() == utility(published, first, scenario).mean()
        )
        zoo = utility(published, "zoo", scenario).mean()
        assert figures == [
            f"{zoo - utility(published, best, scenario).mean():+.3f}",
            f"{zoo - utility(published, PLANS, scenario).mean():+.3f}",
            f"{100 * closed(published, 'zoo', scenario):.0f}%",
        ]
