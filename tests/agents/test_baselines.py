"""The baselines do what their sources say, on any batch."""

import numpy as np
import pytest
from stable_baselines3.common.evaluation import evaluate_policy

from sushi_agents import baseline_names, make_policy, policy_names, run_episodes
from sushi_agents.heuristics.sushisched import SushiSchedAccuracy, SushiSchedLatency
from sushi_agents.kinds_of_name import BUILT_IN
from sushi_env import (
    Engine,
    InputError,
    Problem,
    compile_scenario,
    get_scenario,
    mean_metrics,
)
from sushi_env.sb3_vec_env import SushiVecEnv


@pytest.fixture(scope="module")
def problem() -> Problem:
    return compile_scenario(get_scenario("resnet50-steady").replace(queries=300))


def trace(problem: Problem, policy, n: int, steps: int = 250):
    """Observations and actions of a policy over its first steps, on a batch of n."""
    engine = Engine(problem, n)
    engine.seed(np.arange(n, dtype=np.uint64))
    observation, state, starts = engine.reset(), None, np.ones(n, dtype=bool)
    seen, chosen, outcomes = [], [], []
    for _ in range(steps):
        seen.append(observation.copy())
        actions, state = policy.predict(observation, state=state, episode_start=starts)
        engine.step(actions)
        starts = engine.truncated.copy()
        chosen.append(actions)
        outcomes.append(engine.outcome.copy())
    return np.array(seen), np.array(chosen), np.array(outcomes)


def test_every_baseline_has_a_name(problem):
    assert baseline_names(problem)[0] == "random"
    assert set(baseline_names(problem)) <= set(policy_names(problem))
    assert {"static-A", "static-F", "random", "no-sushi"} < set(policy_names(problem))


@pytest.mark.parametrize("name", [*BUILT_IN, "static-A", "static-F", "slackfit+cache-frequent"])
def test_a_row_does_not_depend_on_the_batch(problem, name):
    _, many, _ = trace(problem, make_policy(name, problem), 8)
    _, one, _ = trace(problem, make_policy(name, problem), 1)
    assert (many[:, :1] == one).all()
    alone = run_episodes(problem, make_policy(name, problem), 1, seed=3)
    assert run_episodes(problem, make_policy(name, problem), 4, seed=0)[3] == alone[0]


def test_static_serves_one_subnet_under_its_best_subgraph(problem):
    _, actions, _ = trace(problem, make_policy("static-C", problem), 2)
    assert (actions[..., 0] == 2).all()
    assert (actions[..., 1] == problem.table.latency_s[2].argmin()).all()


def test_no_sushi_never_caches_and_keeps_the_floor(problem):
    _, actions, outcomes = trace(problem, make_policy("no-sushi", problem), 4)
    assert (actions[..., 1] == 0).all()
    floors = problem.classes[outcomes["slo_class"], 1]
    for floor, subnet in zip(floors.ravel(), actions[..., 0].ravel(), strict=True):
        able = np.flatnonzero(problem.table.top1 >= floor)
        assert subnet == able[problem.table.latency_s[able, 0].argmin()]


def test_strict_accuracy_takes_the_fastest_above_the_floor(problem):
    seen, actions, outcomes = trace(problem, SushiSchedAccuracy(problem), 4)
    cached = problem.layout.part(seen, "cached").argmax(axis=-1)
    floors = problem.classes[outcomes["slo_class"], 1]
    rows = zip(floors.ravel(), cached.ravel(), actions[..., 0].ravel(), strict=True)
    for floor, g, subnet in rows:
        able = np.flatnonzero(problem.table.top1 >= floor)
        assert subnet == able[problem.table.latency_s[able, g].argmin()]


def test_strict_latency_meets_the_deadline_whenever_some_subnet_does(problem):
    seen, actions, outcomes = trace(problem, SushiSchedLatency(problem), 4)
    cached = problem.layout.part(seen, "cached").argmax(axis=-1)
    slo = problem.classes[outcomes["slo_class"], 0]
    left = outcomes["arrival_s"] + slo - outcomes["start_s"]
    latency = problem.table.latency_s.T[cached]  # (T, n, S)
    able = latency <= left[..., None] + 1e-9  # SLOs can equal latencies exactly
    best = np.where(able, problem.table.top1, -np.inf).argmax(axis=-1)
    expected = np.where(able.any(axis=-1), best, latency.argmin(axis=-1))
    assert (actions[..., 0] == expected).all()
    assert able.any(axis=-1).mean() > 0.5


@pytest.mark.parametrize("period", [1, 4, 10])
def test_sushisched_moves_the_cache_only_every_q_decisions(problem, period):
    policy = SushiSchedAccuracy(problem, period=period)
    seen, actions, _ = trace(problem, policy, 3)
    cached = problem.layout.part(seen, "cached").argmax(axis=-1)
    moved = np.flatnonzero((actions[..., 1] != cached).any(axis=1))
    assert len(moved) > 0
    assert ((moved + 1) % period == 0).all()
    window = problem.table.subnet_vectors[actions[:period, 0, 0]].mean(axis=0)
    distance = np.linalg.norm(window - problem.table.subgraph_vectors, axis=1)
    assert actions[period - 1, 0, 1] == distance.argmin()


@pytest.mark.parametrize("distance", ["euclidean", "manhattan"])
def test_sushisched_averages_what_it_is_told_to(problem, distance):
    policy = SushiSchedLatency(problem, period=4, distance=distance, average="cumulative")
    _, actions, _ = trace(problem, policy, 1, steps=40)
    order = 2 if distance == "euclidean" else 1
    for end in range(4, 41, 4):
        average = problem.table.subnet_vectors[actions[:end, 0, 0]].mean(axis=0)
        apart = np.linalg.norm(average - problem.table.subgraph_vectors, ord=order, axis=1)
        assert actions[end - 1, 0, 1] == apart.argmin()


def test_sushisched_forgets_at_the_start_of_an_episode(problem):
    policy = SushiSchedAccuracy(problem, period=4)
    observation = SushiVecEnv(problem.scenario, 2).reset()
    _, state = policy.predict(observation)
    _, state = policy.predict(observation, state, np.array([False, True]))
    assert state[1].tolist() == [2, 1]


def test_sushisched_says_what_serves_when_no_subnet_is_feasible():
    impossible = [{"name": "x", "slo": 0.01, "floor": 99.0}]
    scenario = get_scenario("resnet50-steady").replace(classes=impossible, regimes=[[1.0]])
    problem = compile_scenario(scenario)
    observation = SushiVecEnv(scenario, 1).reset()
    for policy, expected in (
        (SushiSchedAccuracy(problem), 5),
        (SushiSchedLatency(problem), 0),
        (SushiSchedLatency(problem, infeasible="most-accurate"), 5),
    ):
        assert policy.predict(observation)[0][0, 0] == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"period": 0}, "period = 0, must be at least 1"),
        ({"distance": "x"}, "distance = 'x', known: euclidean, manhattan"),
        ({"average": "x"}, "average = 'x', known: window, cumulative"),
        ({"infeasible": "x"}, "infeasible = 'x', known: fastest, most-accurate"),
    ],
)
def test_sushisched_checks_its_parameters(problem, change, message):
    with pytest.raises(InputError, match=message):
        SushiSchedLatency(problem, **change)


def test_sushisched_saves_latency_at_the_same_floors_and_more_on_mobilenet():
    saved = {}
    for supernet in ("resnet50", "mobilenetv3"):
        problem = compile_scenario(get_scenario("resnet50-steady").replace(supernet=supernet))
        without, with_it = (
            mean_metrics(run_episodes(problem, make_policy(name, problem), 10, seed=0))
            for name in ("no-sushi", "sushisched-accuracy")
        )
        assert without.floor_attainment == with_it.floor_attainment == 1.0
        saved[supernet] = 1 - with_it.latency_mean_s / without.latency_mean_s
    assert 0.01 < saved["resnet50"] < saved["mobilenetv3"]


def test_random_is_uniform_and_seeded(problem):
    _, actions, _ = trace(problem, make_policy("random", problem), 64)
    for column, choices in ((0, 6), (1, 16)):
        counts = np.bincount(actions[..., column].ravel(), minlength=choices)
        expected = actions[..., 0].size / choices
        assert len(counts) == choices
        assert (np.abs(counts - expected) < 6 * np.sqrt(expected)).all()
    _, again, _ = trace(problem, make_policy("random", problem), 64)
    assert (actions == again).all()


@pytest.mark.parametrize("name", ["random", "sushisched-latency", "static-B"])
def test_rules_work_in_sb3_evaluate_policy(problem, name):
    env = SushiVecEnv(problem.scenario, 4)
    env.seed(0)
    mean, _ = evaluate_policy(make_policy(name, problem), env, n_eval_episodes=4)  # type: ignore[arg-type]
    ours = run_episodes(problem, make_policy(name, problem), 4, seed=0)
    assert mean == pytest.approx(np.mean([m.reward for m in ours]), rel=1e-5)


def test_single_observations_give_single_actions(problem):
    observation = SushiVecEnv(problem.scenario, 1).reset()[0]
    for name in (*policy_names(problem), "random+cache-last"):
        action, _ = make_policy(name, problem).predict(observation)
        assert action.shape == (2,)
