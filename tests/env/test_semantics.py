"""The serving semantics, one rule at a time, against figures worked out by hand."""

import numpy as np
import pytest

from sushi_env import Engine, InputError, Scenario, SloClass, compile_scenario, get_scenario
from sushi_env.engine.records import BINS_PER_OCTAVE, HISTOGRAM_OCTAVES, OUTCOME
from sushi_env.engine.service import latency_bin
from sushi_env.numerics.streams import STREAM_GAP, stream_key, uniform
from sushi_env.rewards import COMPONENTS, REWARD_PRESETS


def start(scenario: Scenario, seed: int = 0) -> Engine:
    engine = Engine(compile_scenario(scenario), 1)
    engine.seed(np.array([seed], dtype=np.uint64))
    engine.reset()
    return engine


def act(engine: Engine, subnet: int, subgraph: int) -> dict[str, float]:
    engine.step(np.array([[subnet, subgraph]]))
    return dict(zip(OUTCOME.names or (), engine.outcome[0].item(), strict=True))


def poisson_times(engine: Engine, seed: int, count: int) -> np.ndarray:
    """Arrival times from the stream's definition, without the kernel."""
    key = stream_key(np.uint64(seed), np.uint64(0), STREAM_GAP)
    gap = engine.problem.parameters["mean_gap"][0]
    draws = [uniform(np.uint64(key), np.uint64(q)) for q in range(count)]
    return np.cumsum(-np.log(draws) * gap)


STEADY = get_scenario("resnet50-steady")


def test_the_cached_subgraph_serves_and_the_chosen_one_is_loaded_after():
    engine = start(STEADY)
    table = engine.problem.table
    first = act(engine, 2, 3)
    assert first["start_s"] == first["arrival_s"]  # nobody else waited
    assert first["finish_s"] == first["start_s"] + table.latency_s[2, 0]
    assert first["free_s"] == first["finish_s"] + table.reload_s[0, 3]
    assert engine.state["cached"][0] == 3
    second = act(engine, 1, 3)
    assert second["finish_s"] == second["start_s"] + table.latency_s[1, 3]
    assert second["free_s"] == second["finish_s"]  # the cached one again: nothing is loaded
    assert engine.state["reloads"][0] == 1
    third = act(engine, 0, 5)
    assert third["free_s"] == third["finish_s"] + table.reload_s[3, 5]


def test_queries_are_served_in_order_of_arrival_and_never_before_it():
    engine = start(STEADY.replace(load=0.9, queries=10**6), seed=4)
    rng = np.random.default_rng(0)
    expected = poisson_times(engine, 4, 2000)
    free, served = 0.0, []
    for _ in range(500):
        step = act(engine, int(rng.integers(6)), int(rng.integers(16)))
        assert step["start_s"] == max(step["arrival_s"], free)
        free = step["free_s"]
        served.append(step["arrival_s"])
    assert engine.state["dropped"][0] > 0
    assert served == sorted(served)
    np.testing.assert_allclose(served[:50], expected[:50], rtol=1e-12)
    assert np.isin(np.round(served, 9), np.round(expected, 9)).all()


def test_arrivals_do_not_depend_on_actions():
    fast, slow = start(STEADY), start(STEADY)
    a = [act(fast, 0, 0) for _ in range(300)]
    b = [act(slow, 4, k % 16) for k in range(300)]
    assert [(x["arrival_s"], x["slo_class"]) for x in a] == [
        (x["arrival_s"], x["slo_class"]) for x in b
    ]


def test_a_full_queue_drops_the_newcomer_and_charges_the_step():
    scenario = STEADY.replace(queue_capacity=2, load=1.0, reward="tradeoff")
    engine = start(scenario)
    times = poisson_times(engine, 0, 4000)
    step = act(engine, 5, 0)
    arrived = int((times[1:] <= step["free_s"]).sum())
    assert arrived > 2
    assert step["dropped"] == arrived - 2
    assert engine.state["waiting"][0] == 2
    preset = REWARD_PRESETS["tradeoff"]
    expected = sum(preset[name] * step[name] for name in COMPONENTS)
    assert engine.reward[0] == pytest.approx(expected)
    assert expected <= -3 * (arrived - 2) + 1


def test_hopeless_queries_are_dropped_only_when_asked_for():
    keep = STEADY.replace(load=0.8, queue_capacity=4096)
    drop = keep.replace(admission="drop_hopeless")
    results = {}
    for scenario in (keep, drop):
        engine = start(scenario)
        while not engine.truncated[0]:
            act(engine, 2, 0)
        results[scenario.admission] = engine.metrics(0)
    assert results["keep"].drop_rate == 0
    assert results["drop_hopeless"].drop_rate > 0.1
    assert results["drop_hopeless"].slo_attainment > results["keep"].slo_attainment


def test_under_drop_hopeless_the_head_can_always_still_be_served_in_time():
    engine = start(STEADY.replace(load=0.8, admission="drop_hopeless"))
    fastest = engine.problem.table.latency_s[:, 0].min()
    slo = engine.problem.classes[:, 0]
    while not engine.truncated[0]:
        step = act(engine, 0, 0)
        assert step["start_s"] + fastest <= step["arrival_s"] + slo[int(step["slo_class"])]
        assert step["late"] == 0


def test_an_slo_nobody_can_meet_still_ends_the_episode():
    hurried = SloClass(name="hurried", slo=0.01)
    scenario = STEADY.replace(
        classes=(hurried,), regimes=((1.0,),), admission="drop_hopeless", queries=50
    )
    engine = start(scenario)
    assert engine.state["dropped"][0] == 49  # the last is kept, so that there is a decision
    assert not engine.truncated[0]
    act(engine, 0, 0)
    assert engine.truncated[0]
    metrics = engine.metrics(0)
    assert (metrics.drop_rate, metrics.slo_attainment, metrics.utility) == (0.98, 0.0, 0.0)


@pytest.mark.parametrize("admission", ["keep", "drop_hopeless"])
def test_an_episode_truncates_after_exactly_so_many_resolved_queries(admission):
    engine = start(STEADY.replace(queries=137, load=1.5, queue_capacity=3, admission=admission))
    steps = 0
    while not engine.truncated[0]:
        act(engine, 3, 1)
        steps += 1
    served, dropped = engine.state["served"][0], engine.state["dropped"][0]
    assert served == steps
    assert served + dropped == 137
    arrivals = int(engine.state["arrivals"][0])
    assert arrivals == served + dropped + engine.state["waiting"][0]


def test_utility_and_goodput_follow_their_definitions():
    engine = start(STEADY.replace(reward="utility"))
    table, classes = engine.problem.table, engine.problem.scenario.classes
    utility = goodput = 0.0
    total = 0.0
    rng = np.random.default_rng(1)
    while not engine.truncated[0]:
        i = int(rng.integers(3))
        step = act(engine, i, 0)
        kind = classes[int(step["slo_class"])]
        in_time = step["finish_s"] - step["arrival_s"] <= kind.slo * table.latency_s[:, 0].max()
        scaled = (table.top1[i] - 75.0) / (79.8 - 75.0)
        worth = 0.5 + 0.5 * scaled if in_time and table.top1[i] >= kind.floor else 0.0
        assert engine.reward[0] == pytest.approx(worth)
        utility += worth
        goodput += table.top1[i] if in_time else 0.0
        total += float(engine.reward[0])
    metrics = engine.metrics(0)
    assert metrics.utility == pytest.approx(utility / 1000)
    assert metrics.goodput_accuracy == pytest.approx(goodput / 1000)
    assert metrics.reward == pytest.approx(total, rel=1e-6)


def test_latency_percentiles_are_within_a_bin_of_the_exact_ones():
    engine = start(STEADY.replace(load=0.5))
    rng = np.random.default_rng(2)
    responses = []
    while not engine.truncated[0]:
        step = act(engine, int(rng.integers(3)), 0)
        responses.append(step["finish_s"] - step["arrival_s"])
    metrics = engine.metrics(0)
    exact = np.quantile(responses, [0.5, 0.95, 0.99], method="inverted_cdf")
    found = [metrics.latency_p50_s, metrics.latency_p95_s, metrics.latency_p99_s]
    np.testing.assert_allclose(found, exact, rtol=1 / 32 + 1e-9)
    assert metrics.latency_mean_s == pytest.approx(np.mean(responses))


@pytest.mark.parametrize("jitter", [0.3, 1.0])
def test_percentiles_hold_for_queries_that_jitter_made_short(jitter):
    scenario = STEADY.replace(load=0.01, queries=1, service_jitter=jitter)
    engine = Engine(compile_scenario(scenario), 2000)
    engine.seed(np.arange(2000, dtype=np.uint64))
    engine.reset()
    engine.rollout("static", 1, subnet=0)
    responses = engine.outcome["finish_s"] - engine.outcome["arrival_s"]
    assert responses.min() < engine.problem.table.latency_s.min() / 2
    found = [engine.metrics(k).latency_p50_s for k in range(2000)]
    np.testing.assert_allclose(found, responses, rtol=1 / 32 + 1e-9)


def test_regimes_persist_and_mix_classes_as_asked():
    scenario = STEADY.replace(
        classes=[{"name": "a", "slo": 1.0}, {"name": "b", "slo": 2.0}],
        regimes=[[1.0, 0.0], [0.0, 1.0]],
        regime_queries=50,
        queries=20_000,
    )
    engine = start(scenario)
    classes = np.array([act(engine, 0, 0)["slo_class"] for _ in range(19_000)])
    switches = int((np.diff(classes) != 0).sum())
    assert 19_000 / 50 * 0.8 < switches < 19_000 / 50 * 1.2
    assert 0.35 < classes.mean() < 0.65


def test_bad_actions_are_refused_and_nothing_moves():
    engine = Engine(compile_scenario(STEADY), 3)
    engine.seed(np.arange(3, dtype=np.uint64))
    engine.reset()
    before = engine.state.copy()
    for bad in ([0, 16], [6, 0], [-1, 0], [0, -1]):
        with pytest.raises(InputError, match=r"of environment 1, must be a SubNet in 0\.\.5"):
            engine.step(np.array([[0, 0], bad, [0, 0]]))
    with pytest.raises(InputError, match=r"actions of shape \(2,\)"):
        engine.step(np.zeros(2, dtype=np.int64))
    with pytest.raises(InputError, match="type float64"):
        engine.step(np.zeros((3, 2)))  # type: ignore[arg-type]
    assert (engine.state == before).all()


def test_observation_shows_the_state():
    engine = start(STEADY.replace(load=0.4), seed=1)
    layout, table = engine.problem.layout, engine.problem.table
    act(engine, 4, 7)
    seen = engine.observation[0].copy()
    assert layout.part(seen, "cached").tolist() == [float(j == 7) for j in range(16)]
    shown = layout.part(seen, "latency") * table.latency_s.max()
    np.testing.assert_allclose(shown, table.latency_s[:, 7], rtol=1e-6)
    shown = layout.part(seen, "reload") * table.reload_s.max()
    np.testing.assert_allclose(shown, table.reload_s[7], rtol=1e-6, atol=1e-12)
    waiting = int(engine.state["waiting"][0])
    assert 1 <= waiting < 8
    queue = layout.queue(seen)
    assert queue["present"].tolist() == [1.0] * waiting + [0.0] * (8 - waiting)
    assert all((seen[waiting:] == 0).all() for seen in queue.values())
    assert layout.part(seen, "waiting")[0] == pytest.approx(waiting / 64)
    assert layout.part(seen, "subnet_mix").tolist() == [0, 0, 0, 0, 1 / 32, 0]
    step = act(engine, 0, 7)
    kind = engine.problem.classes[int(step["slo_class"])]
    slack = step["arrival_s"] + kind[0] - step["start_s"]
    assert queue["slack"][0] == pytest.approx(slack / engine.problem.classes[:, 0].max(), abs=1e-6)
    assert layout.space.contains(engine.observation[0])


def test_layout_covers_the_whole_observation_once():
    layout = compile_scenario(STEADY).layout
    covered = np.zeros(layout.size, dtype=int)
    for part in layout.slices.values():
        covered[part] += 1
    assert (covered == 1).all()
    assert layout.space.shape == (layout.size,)


def test_histogram_bins_are_monotone():
    ratios = np.geomspace(1, 2.0**HISTOGRAM_OCTAVES * 0.99, 5000)
    last = -1
    for ratio in ratios:
        b = latency_bin(ratio)
        assert b >= last
        octave, position = divmod(b, BINS_PER_OCTAVE)
        low = 2.0**octave * (1 + position / BINS_PER_OCTAVE)
        assert low <= ratio * (1 + 1e-12) < low * (1 + 1.1 / BINS_PER_OCTAVE)
        last = b


@pytest.mark.parametrize("queries", [1, 2, 5, 400])
def test_percentiles_lie_within_what_was_observed(queries):
    engine = Engine(compile_scenario(STEADY.replace(queries=queries, load=0.5)), 200)
    engine.seed(np.arange(200, dtype=np.uint64))
    engine.reset()
    assert vars(engine.metrics(0)) == dict.fromkeys(vars(engine.metrics(0)), 0.0)
    rng, responses = np.random.default_rng(0), []
    while not engine.truncated.all():
        running = ~engine.truncated
        actions = rng.integers([3, 16], size=(200, 2))
        engine.step(actions, reset_over=True)
        out = engine.outcome
        responses.append(np.where(running, out["finish_s"] - out["arrival_s"], np.nan))
        if len(responses) == queries:
            break
    for k in range(200):
        metrics = engine.metrics(k)
        seen = np.array(responses)[:, k]
        shown = [metrics.latency_p50_s, metrics.latency_p95_s, metrics.latency_p99_s]
        assert np.nanmin(seen) <= min(shown)
        assert max(shown) <= np.nanmax(seen)
        assert shown == sorted(shown)
