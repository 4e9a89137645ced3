"""The clairvoyant bound: equal to brute force where that is possible, elsewhere unbeaten."""

import numba as nb
import numpy as np
import pytest

from chosen import SHIFT
from sushi_accel import SushiAbs
from sushi_agents import make_policy, policy_names, run_episodes
from sushi_agents.clairvoyant import Bound, clairvoyant_bound, clairvoyant_bounds
from sushi_agents.clairvoyant.bound import bound_instance
from sushi_agents.clairvoyant.instance import Instance, realise
from sushi_agents.clairvoyant.merging import merge_subgraphs
from sushi_env import Engine, InputError, Problem, compile_scenario, get_scenario, scenario_names
from sushi_env.rewards import REWARD_PRESETS
from sushi_env.scenario.suites import suite_of

KINDS = {
    "plain": {},
    "overflow": {"queue_capacity": 1, "load": 1.5},
    "hopeless": {"admission": "drop_hopeless"},
    "both": {"admission": "drop_hopeless", "queue_capacity": 2, "load": 2.0},
}


def random_table(rng: np.random.Generator, S: int, G: int) -> SushiAbs:
    """A table whose caching and reloading matter."""
    latency = np.sort(rng.uniform(0.3, 3.0, S))[:, None] * rng.uniform(0.5, 1.0, (S, G))
    offchip, reload = rng.uniform(1, 10, (S, G)), rng.uniform(0.0, 0.8, (G, G))
    reload[:, 0] = 0.0
    np.fill_diagonal(reload, 0.0)
    offchip[:, 0], latency[:, 0] = offchip.max(axis=1), latency.max(axis=1)
    return SushiAbs(
        supernet="random",
        board="random",
        pb_bytes=1,
        subnet_names=tuple("ABCDEFG"[:S]),
        subgraph_names=tuple(str(g) for g in range(G)),
        top1=np.sort(rng.uniform(70, 80, S)),
        weight_bytes=np.ones(S),
        macs=np.ones(S),
        subgraph_bytes=np.ones(G),
        latency_s=latency,
        offchip_bytes=offchip,
        energy_j=offchip * 1.0,
        resident_bytes=np.zeros((S, G)),
        reload_bytes=reload * 5,
        reload_s=reload,
        reload_j=reload * 1.0,
        subnet_vectors=np.ones((S, 2)),
        subgraph_vectors=np.ones((G, 2)),
    )


def random_problem(rng: np.random.Generator, reward: str, **changes) -> Problem:
    """At most 7 queries, 3 SubNets and 3 SubGraphs."""
    table = random_table(rng, int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    floors = rng.uniform(68, 80, 2).tolist()
    scenario = get_scenario("resnet50-steady").replace(
        load=float(rng.uniform(0.2, 1.5)),
        classes=[
            {"name": "a", "slo": float(rng.uniform(0.2, 1.0)), "floor": floors[0]},
            {"name": "b", "slo": float(rng.uniform(0.5, 3.0)), "floor": floors[1]},
        ],
        regimes=[[1.0, 1.0]],
        reward=reward,
        queries=int(rng.choice([2, 3, 4, 5, 5, 5, 7], p=[0.1, 0.1, 0.2, 0.2, 0.2, 0.17, 0.03])),
    )
    return compile_scenario(scenario.replace(**changes), table)


@nb.njit
def best_by_force(instance, now, g, waiting, joined, resolved, path, depth, record):
    """The most that any sequence of actions earns from a decision on; a plain depth-first search.

    Returns the reward, and leaves the best path in `record[depth:]`, ended by -1.
    """
    S, G = instance.latency.shape
    q = waiting[0]
    c = instance.classes[q]
    best = -np.inf
    for i in range(S):
        for j in range(G):
            finish = now + instance.latency[i, g] * instance.jitter[q]
            reward = instance.serving[i, g] + instance.reloading[g, j]
            if finish > instance.times[q] + instance.slo[c]:
                reward += instance.late[i, c] + instance.per_slo
            else:
                part = (finish - instance.times[q]) / instance.slo[c]
                reward += instance.in_time[i, c] + instance.per_slo * min(part, 1.0)
            t = finish + instance.reload[g, j]
            line, n, done = waiting[1:].copy(), joined, resolved + 1
            while True:
                while instance.times[n] <= t and done < instance.queries:
                    if len(line) < instance.capacity:
                        line = np.append(line, n)
                    else:
                        done += 1
                        reward += instance.drop
                    n += 1
                if instance.drop_hopeless:
                    fastest = instance.latency[:, j].min()
                    stay = np.ones(len(line), dtype=np.bool_)
                    for m in range(len(line)):
                        due = instance.times[line[m]] + instance.slo[instance.classes[line[m]]]
                        if t + fastest > due and done < instance.queries:
                            stay[m] = False
                            done += 1
                            reward += instance.drop
                    line = line[stay]
                if len(line) or done >= instance.queries:
                    break
                t = instance.times[n]
            below = np.full(len(path), -1)
            if done < instance.queries:
                reward += best_by_force(instance, t, j, line, n, done, path, depth + 1, below)
            if reward > best:
                best = reward
                record[:] = below
                record[depth] = i * G + j
    return best


def brute_force(instance: Instance) -> tuple[float, list[int]]:
    """The most that can be earned, and by which actions.

    What admission drops before the first decision is part of no step's reward.
    """
    first = 0
    while instance.drop_hopeless and first < instance.queries - 1:
        if instance.latency[:, 0].min() <= instance.slo[instance.classes[first]]:
            break
        first += 1
    path = np.full(instance.queries, -1)
    record, line = path.copy(), np.array([first])
    now = instance.times[first]
    best = best_by_force(instance, now, 0, line, first + 1, first, path, 0, record)
    return best, record[record >= 0].tolist()


def started(problem: Problem, seed: int) -> Engine:
    engine = Engine(problem, 1)
    engine.seed(np.array([seed], dtype=np.uint64))
    engine.reset()
    return engine


def replay(problem: Problem, seed: int, actions) -> float:
    """What the engine pays for the actions, which must last exactly one episode."""
    engine = started(problem, seed)
    for action in np.asarray(actions, dtype=np.int64).reshape(-1, 2):
        assert not engine.truncated[0]
        engine.step(action[None])
    if len(actions):
        assert engine.truncated[0]
    return float(engine.state["total_reward"][0])


def check_against_brute_force(problem: Problem, seed: int, equal: bool) -> Bound:
    best, path = brute_force(realise(problem, seed))
    bound = clairvoyant_bound(problem, seed)
    G = problem.table.num_subgraphs  # the oracle itself is checked against the engine
    assert replay(problem, seed, [divmod(a, G) for a in path]) == pytest.approx(best, abs=1e-9)
    assert replay(problem, seed, bound.actions) == pytest.approx(bound.reward, abs=1e-9)
    assert bound.upper >= best - 1e-8
    assert bound.reward <= best + 1e-8
    assert bound.exact == (bound.gap == 0)
    if equal:
        assert bound.exact
        assert bound.upper == pytest.approx(best, abs=1e-8)
    return bound


@pytest.mark.parametrize("reward", REWARD_PRESETS)
def test_the_bound_equals_brute_force(reward):
    rng = np.random.default_rng(1)
    for seed in range(200):
        problem = random_problem(rng, reward)
        check_against_brute_force(problem, seed, equal=True)


@pytest.mark.parametrize("kind", ["overflow", "hopeless", "both"])
@pytest.mark.parametrize("reward", REWARD_PRESETS)
def test_where_queries_are_dropped_the_bound_is_a_relaxation(reward, kind):
    rng = np.random.default_rng(2)
    dropped = exact = 0
    for seed in range(200):
        problem = random_problem(rng, reward, **KINDS[kind])
        bound = check_against_brute_force(problem, seed, equal=False)
        dropped += len(bound.actions) < problem.scenario.queries
        exact += bound.exact
    assert dropped > 50
    assert exact > 50


@pytest.mark.parametrize("kind", KINDS)
def test_jitter_counts(kind):
    rng = np.random.default_rng(4)
    for seed in range(100):
        problem = random_problem(rng, "tradeoff", **KINDS[kind])
        instance = realise(problem, seed)
        jitter = rng.lognormal(0, 0.5, len(instance.jitter))
        instance = instance._replace(jitter=jitter)
        best, _ = brute_force(instance)
        bound = bound_instance(instance)
        assert bound.upper >= best - 1e-8
        assert bound.reward <= best + 1e-8
        if kind == "plain":
            assert bound.exact


@pytest.mark.parametrize("kind", KINDS)
def test_little_room_for_labels_and_few_cells_only_loosen_the_bound(kind):
    rng = np.random.default_rng(3)
    loose = 0
    for seed in range(60):
        problem = random_problem(rng, "tradeoff", **KINDS[kind])
        tight = clairvoyant_bound(problem, seed)
        rough = clairvoyant_bound(problem, seed, max_labels=1, cells=16)
        assert rough.upper >= tight.reward - 1e-8
        assert rough.reward <= tight.upper + 1e-8
        if len(rough.actions):
            assert replay(problem, seed, rough.actions) == pytest.approx(rough.reward, abs=1e-9)
        loose += not rough.exact
    assert loose > 5


def test_arrivals_known_ahead_are_those_the_engine_draws():
    problem = compile_scenario(get_scenario("resnet50-busy").replace(queries=400))
    for seed in (0, 7, 2**63):
        instance = realise(problem, seed)
        engine = started(problem, seed)
        for q in range(400):
            engine.step(np.array([[0, 0]]))
            assert engine.outcome[0]["arrival_s"] == instance.times[q]
            assert engine.outcome[0]["slo_class"] == instance.classes[q]


def rewards(problem: Problem, seed: int, names: list[str], episodes: int) -> np.ndarray:
    """What policies earn on seeds from `seed` on, shape (policies, episodes)."""
    return np.array(
        [
            [m.reward for m in run_episodes(problem, make_policy(name, problem), episodes, seed)]
            for name in names
        ]
    )


def check_unbeaten(problem: Problem, seed: int, bounds: list[Bound]) -> None:
    """No policy earns more than the bounds of the seeds from `seed` on."""
    upper = np.array([bound.upper for bound in bounds])
    names = list(policy_names(problem))
    earned = rewards(problem, seed, names, len(bounds))
    beaten = earned > upper + 1e-6 * np.maximum(1.0, np.abs(upper))
    assert [names[p] for p in np.flatnonzero(beaten.any(axis=1))] == []


def margins(problem: Problem, seed: int, bounds: list[Bound]) -> np.ndarray:
    """The bounds' margins over the best static SubNet, shape (episodes,)."""
    static = [f"static-{name}" for name in problem.table.subnet_names]
    upper = np.array([bound.upper for bound in bounds])
    return upper - rewards(problem, seed, static, len(bounds)).max(axis=0)


CASES = [
    (name, reward)
    for name in scenario_names()
    for reward in REWARD_PRESETS
    if reward == get_scenario(name).reward or suite_of(name) is None
]


# Where admission drops, a bound takes minutes to be tight; fast tests of that are below.
QUICK = [case for case in CASES if get_scenario(case[0]).admission == "keep"]


@pytest.mark.parametrize(("name", "reward"), QUICK)
def test_nobody_beats_the_bound_and_the_gap_is_small(name, reward):
    problem = compile_scenario(get_scenario(name).replace(queries=250, reward=reward))
    bound = clairvoyant_bound(problem, 3, max_labels=128)
    assert replay(problem, 3, bound.actions) == pytest.approx(bound.reward, rel=1e-6)
    check_unbeaten(problem, 3, [bound])
    assert 0 <= bound.gap <= 0.02 * margins(problem, 3, [bound])[0]


@pytest.mark.parametrize("change", [{"load": 1.5}, {"load": 0.8, "admission": "drop_hopeless"}])
def test_nobody_beats_the_bound_where_queries_are_dropped(change):
    scenario = get_scenario("resnet50-steady").replace(queries=250, queue_capacity=8, **change)
    for reward in REWARD_PRESETS:
        problem = compile_scenario(scenario.replace(reward=reward))
        bound = clairvoyant_bound(problem, 3, max_labels=128, cells=2048)
        assert replay(problem, 3, bound.actions) == pytest.approx(bound.reward, rel=1e-6)
        check_unbeaten(problem, 3, [bound])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "reward"), CASES)
def test_nobody_beats_the_bound_at_full_length(name, reward):
    problem = compile_scenario(get_scenario(name).replace(reward=reward))
    bounds = clairvoyant_bounds(problem, range(20), jobs=2)
    for seed, bound in enumerate(bounds):
        assert replay(problem, seed, bound.actions) == pytest.approx(bound.reward, rel=1e-6)
    check_unbeaten(problem, 0, bounds)
    assert sum(bound.gap for bound in bounds) <= 0.02 * margins(problem, 0, bounds).sum()


def test_bounds_are_the_same_for_any_number_of_processes():
    problem = compile_scenario(get_scenario("resnet50-steady").replace(queries=40))
    seen = []
    one = clairvoyant_bounds(problem, [5, 6, 7], on_progress=lambda *x: seen.append(x))
    two = clairvoyant_bounds(problem, [5, 6, 7], jobs=2)
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert [(b.upper, b.reward) for b in one] == [(b.upper, b.reward) for b in two]
    for a, b in zip(one, two, strict=True):
        assert (a.actions == b.actions).all()


def test_what_cannot_be_bounded_is_said():
    problem = compile_scenario(get_scenario("resnet50-steady").replace(queries=10))
    for numbers in ({"max_labels": 0}, {"cells": 1}):
        with pytest.raises(InputError, match="must be at least 1 and 2"):
            clairvoyant_bound(problem, 0, **numbers)
    with pytest.raises(InputError, match="jobs = 0"):
        clairvoyant_bounds(problem, [0], jobs=0)
    late = get_scenario("resnet50-steady").replace(reward_weights={"latency": 0.5})
    with pytest.raises(InputError, match="rewards lateness"):
        clairvoyant_bound(compile_scenario(late), 0)
    long = get_scenario("resnet50-steady").replace(queries=10**6)
    with pytest.raises(InputError, match="queries = 1000000, must be at most"):
        clairvoyant_bound(compile_scenario(long), 0)


@pytest.mark.parametrize("change", [{}, {"load": 1.2, "queue_capacity": 16}])
def test_subgraphs_that_are_as_good_as_one_may_count_as_one(monkeypatch, change):
    problem = compile_scenario(get_scenario("resnet50-busy").replace(queries=120, **change))
    group, merged = merge_subgraphs(realise(problem, 5))
    assert group.tolist() == [0] + [1] * 15
    assert merged.latency.shape == (6, 2)
    quick = clairvoyant_bound(problem, 5)
    monkeypatch.setattr(
        "sushi_agents.clairvoyant.bound.merge_subgraphs", lambda found: (np.arange(16), found)
    )
    slow = clairvoyant_bound(problem, 5)
    assert slow.upper - 1e-9 <= quick.upper <= slow.upper + 0.01
    assert quick.reward <= slow.upper + 1e-9
    assert slow.reward <= quick.upper + 1e-9


def test_subgraphs_that_differ_are_kept_apart():
    problem = compile_scenario(get_scenario(SHIFT).replace(queries=20))
    group, merged = merge_subgraphs(realise(problem, 5))
    assert group.tolist() == list(range(16))
    assert merged.latency.shape == (6, 16)
