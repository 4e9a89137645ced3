"""The engine against what queueing theory says of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sushi_env import Engine, Scenario, compile_scenario, get_scenario, scenario_names
from sushi_env.engine.arrivals import realised_arrivals

ONE_CLASS = {"classes": [{"name": "all", "slo": 1000.0}], "regimes": [[1.0]]}


def plain(load: float, **changes) -> Scenario:
    return get_scenario("resnet50-steady").replace(
        load=load, subgraphs=1, queue_capacity=4096, **ONE_CLASS, **changes
    )


@pytest.mark.parametrize("load", [0.3, 0.6, 0.9])
def test_mean_wait_is_that_of_an_m_d_1_queue(load):
    """Pollaczek and Khinchine: W = rho s / (2 (1 - rho)), within the 99.9 % interval."""
    problem = compile_scenario(plain(load, queries=40_000))
    service = problem.table.latency_s[0, 0]
    assert service == problem.table.latency_s.min()
    engine = Engine(problem, 64)
    engine.seed(np.arange(64, dtype=np.uint64))
    engine.reset()
    assert engine.rollout("static", 10**6, subnet=0) == 64 * 40_000
    waits = np.array([engine.metrics(k).latency_mean_s for k in range(64)]) - service
    expected = load * service / (2 * (1 - load))
    low, high = stats.t.interval(0.999, 63, waits.mean(), stats.sem(waits))
    assert low < expected < high
    assert high - low < 0.1 * expected


TRAFFIC = [
    {"kind": "gamma", "scv": 4},
    {"kind": "mmpp", "rates": [1, 8], "dwell_queries": [100, 30]},
    {"kind": "flash_crowd"},
]


@pytest.mark.parametrize(
    "scenario",
    [
        *(get_scenario(name) for name in scenario_names()),
        *(get_scenario("resnet50-busy").replace(arrivals=kind) for kind in TRAFFIC),
    ],
    ids=lambda scenario: f"{scenario.name}-{scenario.arrivals.kind}",
)
def test_littles_law(scenario):
    """L = lambda W of those served, L measured by sweeping over all comings and goings."""
    problem = compile_scenario(scenario.replace(queries=3000))
    engine = Engine(problem, 1)
    engine.seed(np.array([5], dtype=np.uint64))
    engine.reset()
    came, went, rng = [], [], np.random.default_rng(5)
    while not engine.truncated[0]:
        engine.step(rng.integers(problem.table.latency_s.shape, size=(1, 2)))
        came.append(engine.outcome[0]["arrival_s"])
        went.append(engine.outcome[0]["finish_s"])
    span = went[-1]
    times = np.concatenate([came, went])
    change = np.concatenate([np.ones(len(came)), -np.ones(len(went))])
    order = np.lexsort((-change, times))
    present = np.cumsum(change[order])[:-1]
    mean_present = float((present * np.diff(times[order])).sum()) / span
    metrics = engine.metrics(0)
    assert mean_present == pytest.approx(len(came) / span * metrics.latency_mean_s, rel=1e-9)


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**64 - 1),
    scenario=st.sampled_from([*scenario_names(), *range(len(TRAFFIC))]),
    load=st.floats(0.05, 3),
    capacity=st.integers(1, 20),
    admission=st.sampled_from(["keep", "drop_hopeless"]),
)
def test_every_query_is_served_dropped_or_waiting(seed, scenario, load, capacity, admission):
    """Those that came are counted by their times, which are known ahead."""
    if isinstance(scenario, int):
        scenario = get_scenario("resnet50-busy").replace(arrivals=TRAFFIC[scenario])
    problem = compile_scenario(
        get_scenario(scenario).replace(
            load=load, queue_capacity=capacity, admission=admission, queries=200
        )
    )
    times = realised_arrivals(problem, seed, 0, 201 + capacity).times
    engine = Engine(problem, 1)
    engine.seed(np.array([seed], dtype=np.uint64))
    engine.reset()
    rng, steps = np.random.default_rng(seed), 0
    while not engine.truncated[0]:
        state = engine.state[0]
        came = int(np.searchsorted(times, state["now"], side="right"))
        assert 1 <= state["waiting"] <= capacity
        assert state["served"] == steps
        assert came == state["arrivals"] == steps + state["dropped"] + state["waiting"]
        engine.step(rng.integers(problem.table.latency_s.shape, size=(1, 2)))
        steps += 1
    state = engine.state[0]
    assert state["arrivals"] == steps + state["dropped"] + state["waiting"]
    assert steps + state["dropped"] == 200


@pytest.mark.parametrize("policy", ["fastest-above-floor", "most-accurate-in-time", "static"])
def test_a_rollout_does_what_the_same_rule_does_by_hand(policy):
    problem = compile_scenario(get_scenario("resnet50-busy").replace(queries=300))
    table, classes = problem.table, problem.classes
    rolled, stepped = Engine(problem, 3), Engine(problem, 3)
    for engine in (rolled, stepped):
        engine.seed(np.arange(3, dtype=np.uint64))
        engine.reset()
    assert rolled.rollout(policy, 200, subnet=2, subgraph=4) == 600
    for _ in range(200):
        actions = []
        for k in range(3):
            head = stepped._memory.arrays.queue[k, stepped.state[k]["head"]]
            slo, floor = classes[head["tag"] % 64, :2]
            g = stepped.state[k]["cached"]
            latency = table.latency_s[:, g]
            if policy == "static":
                actions.append((2, 4))
                continue
            if policy == "fastest-above-floor":
                fit, order = table.top1 >= floor, latency
            else:
                in_time = stepped.state[k]["now"] + latency <= head["time"] + slo
                fit, order = in_time, -table.top1
            best = np.where(fit, order, np.inf).argmin()
            other = table.top1.argmax() if policy == "fastest-above-floor" else latency.argmin()
            actions.append((best if fit.any() else other, g))
        stepped.step(np.array(actions, dtype=np.int64))
    np.testing.assert_array_equal(rolled.observation, stepped.observation)
    for k in range(3):
        assert rolled.metrics(k) == stepped.metrics(k)


def test_a_rollout_stops_where_an_episode_ends():
    engine = Engine(compile_scenario(get_scenario("resnet50-busy").replace(queries=50)), 4)
    engine.seed(np.arange(4, dtype=np.uint64))
    engine.reset()
    assert engine.rollout("random", 1000) == engine.state["served"].sum()
    assert engine.truncated.all()
    assert engine.rollout("random", 1000) == 0
