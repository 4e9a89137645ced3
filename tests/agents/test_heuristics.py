"""The field's schedulers follow the rules in their docstrings."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from sushi_agents import baseline_names, make_policy, run_episodes
from sushi_agents.heuristics.cache_rules import favourite_subgraphs, shared_subgraph
from sushi_agents.heuristics.lookahead import Lookahead
from sushi_agents.heuristics.model_switching import effective_accuracy
from sushi_agents.heuristics.slackfit import SlackFit
from sushi_agents.heuristics.time_sharing import TimeSharing, efficient_choices
from sushi_env import Engine, InputError, Problem, compile_scenario, get_scenario, mean_metrics
from sushi_env.rewards import COMPONENTS


@pytest.fixture(scope="module")
def problem() -> Problem:
    return compile_scenario(get_scenario("resnet50-starved"))


def decisions(problem: Problem, name: str, n: int = 8, steps: int = 200):
    """Observations, SLOs, floors, slacks (from the engine, exact) and actions, step by step."""
    engine = Engine(problem, n)
    engine.seed(np.arange(n, dtype=np.uint64))
    policy = make_policy(name, problem)
    observation, state, starts = engine.reset(), None, np.ones(n, dtype=bool)
    rows = []
    for _ in range(steps):
        seen = observation.copy()
        actions, state = policy.predict(observation, state=state, episode_start=starts)
        engine.step(actions)
        starts = engine.truncated.copy()
        out = engine.outcome
        classes = problem.classes[out["slo_class"]]
        slack = out["arrival_s"] + classes[:, 0] - out["start_s"]
        cached = problem.layout.part(seen, "cached").argmax(axis=-1)
        for k in range(n):
            rows.append((cached[k], classes[k, 1], slack[k], *actions[k], seen[k]))
    return rows


def test_rules_without_a_cache_of_their_own_keep_the_shared_subgraph(problem):
    shared = shared_subgraph(problem.table)
    assert problem.table.latency_s.mean(axis=0)[shared] == pytest.approx(
        problem.table.latency_s.mean(axis=0).min()
    )
    names = "state-unaware max-accuracy min-latency infaas slackfit model-switching time-sharing"
    for name in names.split():
        assert {j for *_, j, _ in decisions(problem, name, steps=30)} == {shared}


def test_infaas_takes_the_cheapest_that_meets_floor_and_slack(problem):
    table = problem.table
    kinds = set()
    for g, floor, slack, subnet, _, _ in decisions(problem, "infaas"):
        above = np.flatnonzero(table.top1 >= floor)
        both = [i for i in above if table.latency_s[i, g] <= slack + 1e-7]
        kinds.add(bool(both))
        able = both or above.tolist()
        assert table.energy_j[subnet, g] == min(table.energy_j[i, g] for i in able)
    assert kinds == {True, False}


def test_min_latency_and_max_accuracy(problem):
    table = problem.table
    for g, _, _, subnet, _, _ in decisions(problem, "min-latency"):
        assert subnet == table.latency_s[:, g].argmin()
    for g, _, slack, subnet, _, _ in decisions(problem, "max-accuracy"):
        able = np.flatnonzero(table.latency_s[:, g] <= slack + 1e-7)
        best = table.top1[able].argmax() if len(able) else 0
        assert subnet == (able[best] if len(able) else table.latency_s[:, g].argmin())


def test_slackfit_takes_the_last_bucket_that_fits(problem):
    table, buckets = problem.table, 8
    spent = 0
    for g, _, slack, subnet, _, _ in decisions(problem, "slackfit"):
        latency = table.latency_s[:, g]
        edges = np.linspace(latency.min(), latency.max(), buckets + 1)
        bucket = np.maximum(np.searchsorted(edges - 1e-12, latency) - 1, 0)
        bucket = np.minimum(bucket, buckets - 1)
        fits = np.flatnonzero(edges[bucket + 1] <= slack + 1e-7)
        if len(fits) == 0:
            assert subnet == latency.argmin()
            continue
        inside = fits[bucket[fits] == bucket[fits].max()]
        assert subnet == inside[table.top1[inside].argmax()]
        assert latency[subnet] <= slack + 1e-7
        spent += 1
    assert spent > 100
    with pytest.raises(InputError, match="buckets = 0"):
        SlackFit(problem, buckets=0)


def test_model_switching_profile_is_that_of_the_engine():
    """The offline table agrees with what static SubNets achieve in the engine."""
    problem = compile_scenario(get_scenario("resnet50-busy").replace(regime_queries=1))
    estimate = effective_accuracy(problem, np.array([problem.scenario.load]), count_floors=False)
    for i, name in enumerate(problem.table.subnet_names[:3]):
        policy = make_policy(f"static-{name}", problem)
        found = mean_metrics(run_episodes(problem, policy, 10, seed=0)).goodput_accuracy
        if name != "C":  # beyond its capacity: the profile's run is longer, its queue too
            assert estimate[0, i] == pytest.approx(found, rel=0.08)
        else:
            assert estimate[0, i] < 5


def test_model_switching_serves_faster_the_higher_the_load():
    chosen = []
    for load in (0.02, 0.2, 0.5, 0.9):
        problem = compile_scenario(get_scenario("resnet50-busy").replace(load=load))
        rows = decisions(problem, "model-switching", steps=50)
        chosen.append(np.median([subnet for _, _, _, subnet, _, _ in rows]))
    assert chosen == sorted(chosen, reverse=True)
    assert chosen[0] > chosen[-1]


def test_time_sharing_solves_the_linear_programme(problem):
    rng = np.random.default_rng(0)
    mixed = 0
    for trial in range(200):
        C, S = int(rng.integers(1, 5)), int(rng.integers(1, 7))
        cost = np.sort(rng.uniform(0.01, 0.1, S))
        value = rng.choice([0.0, 1.0], (C, S)) * (1 + rng.uniform(0, 1, (C, S)))
        if trial % 4 == 0:
            value = np.round(value * 4) / 4  # ties
        share, budget = (
            rng.dirichlet(np.ones(C)),
            rng.uniform(0.9, 1.0) * rng.uniform(cost[0], cost.mean()),
        )
        choices, prices = efficient_choices(value, cost)
        assert len(choices) == len(prices) + 1
        needed = np.array([(share * cost[row]).sum() for row in choices])
        worth = np.array([(share * value[np.arange(C), row]).sum() for row in choices])
        assert (np.diff(needed) < 1e-15).all()
        if budget < needed[-1]:
            assert needed[-1] == pytest.approx((share * cost[choices[-1]]).sum())
            continue
        k = int(np.flatnonzero(needed <= budget)[0])
        ours = worth[k]
        if k > 0:
            part = (budget - needed[k]) / (needed[k - 1] - needed[k])
            ours += part * (worth[k - 1] - worth[k])
            mixed += 1
        solved = linprog(
            -(share[:, None] * value).ravel(),
            A_ub=[np.outer(share, cost).ravel()],
            b_ub=[budget],
            A_eq=np.kron(np.eye(C), np.ones(S)),
            b_eq=np.ones(C),
            method="highs",
        )
        assert ours == pytest.approx(-solved.fun, abs=1e-9)
    assert mixed > 40


def test_time_sharing_spends_what_it_plans_and_no_more():
    problem = compile_scenario(get_scenario("resnet50-steady").replace(load=0.45))
    cost = problem.table.latency_s[:, shared_subgraph(problem.table)]
    for utilisation in (0.5, 0.9):
        engine = Engine(problem, 64)
        engine.seed(np.arange(64, dtype=np.uint64))
        policy = TimeSharing(problem, utilisation=utilisation)
        observation, state, busy, decided = engine.reset(), None, 0.0, 0
        for _ in range(900):
            actions, state = policy.predict(observation, state=state)
            busy += cost[actions[:, 0]].sum()
            decided += len(actions)
            engine.step(actions)
        mean_gap = float(problem.parameters["mean_gap"][0])
        lowest = cost.min() / mean_gap
        assert busy / decided / mean_gap == pytest.approx(max(utilisation, lowest), rel=0.12)
    for key in ("utilisation", "slo_share"):
        with pytest.raises(InputError, match=f"{key} = 0"):
            TimeSharing(problem, **{key: 0})


def test_cache_rules_follow_what_is_served():
    # A PB this large holds all of A and leaves a choice for the others, which smaller ones do not.
    roomy = get_scenario("resnet50-starved").replace(pb_kib=8192, bandwidth_gbs=0.9)
    problem = compile_scenario(roomy)
    table, favourites = problem.table, favourite_subgraphs(problem.table)
    assert len(set(favourites.tolist())) > 1

    def serves_as_well(i: np.integer, j: int) -> bool:
        return table.latency_s[i, j] <= table.latency_s[i].min() + 1e-9

    for g, _, _, subnet, j, _ in decisions(problem, "random+cache-last"):
        assert serves_as_well(subnet, j)
        assert j == g or not serves_as_well(subnet, g)
    for _, _, _, subnet, j, seen in decisions(problem, "random+cache-frequent"):
        mix = problem.layout.part(seen, "subnet_mix") * 31 / 32
        mix[subnet] += 1 / 32
        near = np.flatnonzero(mix >= mix.max() - 1e-6)
        assert any(serves_as_well(i, j) for i in near)
    assert {j for *_, j, _ in decisions(problem, "slackfit+cache-none", steps=20)} == {0}


def test_a_cache_rule_leaves_the_subnets_alone(problem):
    """Where it makes no difference to latency, the SubNets are the same ones."""
    observation = Engine(problem, 4)
    observation.seed(np.arange(4, dtype=np.uint64))
    first = observation.reset()
    plain, _ = make_policy("slackfit", problem).predict(first)
    combined, _ = make_policy("slackfit+cache-last", problem).predict(first)
    assert (plain[:, 0] == combined[:, 0]).all()


def test_lookahead_sees_no_further_than_the_queue_but_plans_well():
    for name in ("resnet50-steady", "resnet50-busy", "resnet50-starved"):
        for reward in ("tradeoff", "utility"):
            problem = compile_scenario(get_scenario(name).replace(reward=reward))
            rewards = {
                other: mean_metrics(run_episodes(problem, make_policy(other, problem), 5, 0)).reward
                for other in baseline_names(problem)
            }
            assert max(rewards, key=rewards.__getitem__) == "lookahead"
    wrong: list[dict[str, Any]] = [{"width": 0}, {"price": -1.0}, {"price": float("nan")}]
    for change in wrong:
        with pytest.raises(InputError, match="must be at least"):
            Lookahead(problem, **change)


def test_lookahead_is_exact_for_one_query_and_no_future(problem):
    """With nobody behind it and a price of 0, the head gets the SubNet of best reward."""
    engine = Engine(problem, 64)
    engine.seed(np.arange(64, dtype=np.uint64))
    observation = engine.reset().copy()
    weights = problem.reward_weights
    best = np.full(64, -np.inf)
    for i in range(problem.table.num_subnets):
        trial = Engine(problem, 64)
        trial.seed(np.arange(64, dtype=np.uint64))
        trial.reset()
        trial.step(np.tile([[i, 0]], (64, 1)))
        without_drops = np.where(np.array(COMPONENTS) == "dropped", 0.0, weights)
        best = np.maximum(best, trial.figures[:, : len(COMPONENTS)] @ without_drops)
    actions, _ = Lookahead(problem, price=0.0).predict(observation)
    engine.step(actions)
    assert engine.figures[:, : len(COMPONENTS)] @ weights == pytest.approx(best)
