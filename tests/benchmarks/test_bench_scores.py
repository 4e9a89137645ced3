"""`sushi bench scores`: what 0 and 1 are, who is ranked, and whether the ranking is stable."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from chosen import RESULTS, SUITE
from sushi_bench.commands.app import app
from sushi_bench.results.files import Results, read_results, write_results
from sushi_bench.scores.ranking import metric, read_all, scale_of, stability, utilities
from sushi_bench.scores.tables import as_json, rank
from sushi_bench.suite.suite import get_suite
from sushi_env import EpisodeMetrics, InputError

COMMITTED = RESULTS
SCENARIOS = list(get_suite(SUITE).digests)


@pytest.fixture(scope="module")
def committed() -> list[Results]:
    return [results for results in read_all([COMMITTED]) if results.header.kind != "bound"]


@pytest.fixture(scope="module")
def with_bound(committed: list[Results]) -> list[Results]:
    """The committed results, and a bound half way between each episode's best and 1."""
    complete = [results for results in committed if not results.header.partial]
    best = utilities(complete).max(axis=0)
    return [*committed, _like(complete[0], "clairvoyant", best, upper=(1 + best) / 2)]


def _like(
    results: Results, policy: str, utility: np.ndarray, upper: np.ndarray | None = None
) -> Results:
    """Results of a made-up policy, from its utilities, shape (scenarios, episodes)."""
    kind = "other" if upper is None else "bound"
    header = results.header.model_copy(update={"policy": policy, "label": policy, "kind": kind})
    uppers = [None] * utility.size if upper is None else upper.ravel().tolist()
    rows = [
        replace(row, metrics=replace(row.metrics, utility=value), upper=top)
        for row, value, top in zip(results.rows, utility.ravel().tolist(), uppers, strict=True)
    ]
    return Results(Path(f"{policy}.jsonl"), header, rows)


def test_the_best_static_subnet_scores_0_and_the_clairvoyant_bound_1(with_bound: list[Results]):
    scale = scale_of(with_bound)
    by_policy = {results.header.policy: results for results in with_bound}
    for n, scenario in enumerate(SCENARIOS):
        means = {}
        for policy, results in by_policy.items():
            names = list(results.header.scenarios)
            if policy.startswith("static-") and scenario in names:
                means[policy] = metric(results)[names.index(scenario)].mean()
        assert scale.best_static[n] == max(means, key=lambda policy: means[policy])
        assert scale.zero[n] == pytest.approx(max(means.values()))
        best = by_policy[scale.best_static[n]]
        own = metric(best)[list(best.header.scenarios).index(scenario)]
        assert (own - scale.zero[n]).mean() == pytest.approx(0, abs=1e-12)
    scored = scale.scores(metric(by_policy["clairvoyant"], "upper"))
    assert scored.mean(axis=1) == pytest.approx(np.ones(len(SCENARIOS)))
    assert set(scale.best_static) > {"static-B"}  # static SubNets of both SuperNets take part


def test_everybody_complete_is_ranked_best_first(with_bound: list[Results]):
    ranking = rank(with_bound)
    scores = [entry.score.value for entry in ranking.entries if entry.score]
    assert len(scores) == len(ranking.entries) == len(with_bound) - 1
    assert scores == sorted(scores, reverse=True)
    assert ranking.entries[0].results.header.policy == "clairvoyant"
    assert [results.header.policy for results in ranking.partial] == ["static-G"]
    assert ranking.reference == "sushisched-accuracy"
    own = next(e for e in ranking.entries if e.results.header.policy == ranking.reference)
    assert own.improvement is not None
    assert own.difference is not None
    assert (own.improvement.value, own.difference.value) == (0.5, 0.0)
    json.dumps(as_json(ranking), allow_nan=False)


def test_without_the_bound_the_order_is_by_mean_utility(committed: list[Results]):
    ranking = rank(committed)
    assert ranking.scale is None
    assert ranking.why_none is not None
    assert "sushi bench run --policy clairvoyant" in ranking.why_none
    means = [entry.metrics.utility for entry in ranking.entries]
    assert means == sorted(means, reverse=True)


def test_the_ranking_of_the_committed_results_is_stable():
    ranking = rank(read_all([COMMITTED]))
    assert ranking.stability is not None
    assert ranking.stability.reversed == []
    ranked = len(ranking.stability.halves)
    assert ranking.stability.pairs > ranked * (ranked - 1) / 2 * 0.75


def test_a_policy_that_is_good_in_every_other_episode_only_is_noticed(committed: list[Results]):
    whole = next(results for results in committed if not results.header.partial)
    level = np.full((len(SCENARIOS), 50), 0.5)
    uneven = level - 0.01
    uneven[:, ::2] = 0.9
    a, b = _like(whole, "a", uneven), _like(whole, "b", level)
    found = stability([a, b], [a, b], scaled=False)
    assert (found.pairs, found.reversed) == (1, [("a", "b")])
    assert found.halves["a"] == pytest.approx((0.9, 0.49))


def test_a_scale_needs_every_static_subnet_in_full(with_bound: list[Results]):
    short = [results for results in with_bound if results.header.policy != "static-C"]
    with pytest.raises(
        InputError, match=f"no scores without all episodes of 'static-C' in {SUITE}-resn"
    ):
        scale_of(short)


def test_metrics_are_means_over_all_episodes(committed: list[Results]):
    entry = rank(committed).entries[0]
    rows = [row.metrics.latency_p99_s for row in entry.results.rows]
    assert entry.metrics.latency_p99_s == pytest.approx(sum(rows) / len(rows))
    assert isinstance(entry.metrics, EpisodeMetrics)


def test_results_that_cannot_be_read_together_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match="no result file"):
        read_all([tmp_path])
    shutil.copy(COMMITTED / "random.jsonl", tmp_path / "a.jsonl")
    shutil.copy(COMMITTED / "random.jsonl", tmp_path / "b.jsonl")
    with pytest.raises(InputError, match=r"b.jsonl: results of policy 'random', which .*a.jsonl"):
        read_all([tmp_path])
    with pytest.raises(InputError, match="no complete results of reference 'nobody'"):
        rank(read_all([tmp_path / "a.jsonl"]), "nobody")


def test_the_command(tmp_path: Path, with_bound: list[Results]):
    few = {"lookahead", "sushisched-accuracy", "clairvoyant"}
    for results in with_bound:
        if results.header.policy in few or results.header.policy.startswith("static-"):
            write_results(tmp_path / results.path.name, results.header, results.rows)
    done = CliRunner().invoke(app, ["bench", "scores", str(tmp_path), "--halves"])
    assert done.exit_code == 0
    assert "Halves of the episodes: " in done.stdout
    assert "Not ranked, partial: static-G (8 scenarios of 50 episodes)" in done.stdout
    done = CliRunner().invoke(app, ["bench", "scores", str(tmp_path), "--json"])
    found = json.loads(done.stdout)
    assert set(found["scale"]) == set(SCENARIOS)
    assert found["halves"]["pairs"] > 20
    policies = {entry["policy"]: entry for entry in found["policies"]}
    assert policies["lookahead"]["score"]["low"] < policies["lookahead"]["score"]["value"]
    assert read_results(tmp_path / "lookahead.jsonl").header.label in policies
