"""Whatever is decided, the same queries come at the same times: the engine's own arrivals."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from chosen import BURSTY, TRACE
from sushi_env import Engine, compile_scenario, get_scenario
from sushi_env.engine.arrivals import realised_arrivals
from sushi_env.engine.records import CLASS_BITS

QUERIES = 120

TRAFFIC = [
    {"kind": "poisson"},
    {"kind": "gamma", "scv": 0},
    {"kind": "gamma", "scv": 6},
    {"kind": "mmpp", "rates": [1, 7, 0], "dwell_queries": [30, 20, 5]},
    {"kind": "diurnal", "period_queries": 60},
    {"kind": "flash_crowd", "period_queries": 80, "duration_queries": 20},
    get_scenario(TRACE).arrivals.model_dump(),
    {"kind": "closed_loop"},
]


@settings(max_examples=60, deadline=None)
@given(
    arrivals=st.sampled_from(TRAFFIC),
    load=st.floats(0.1, 2.5),
    seed=st.integers(0, 2**64 - 1),
    capacity=st.sampled_from([1, 3, 64, 256]),
    admission=st.sampled_from(["keep", "drop_hopeless"]),
    jitter=st.sampled_from([0, 0.4]),
    chooser=st.integers(0, 2**32),
)
def test_two_policies_meet_the_same_queries(
    arrivals, load, seed, capacity, admission, jitter, chooser
):
    """One always serves at once with the smallest SubNet, the other does whatever it likes.

    Both meet the queries that `realised_arrivals` foretells: every head of a queue has the time,
    the class and the jitter of its number.
    """
    closed = arrivals["kind"] == "closed_loop"
    problem = compile_scenario(
        get_scenario("resnet50-busy").replace(
            arrivals=arrivals,
            load=None if closed else load,
            queue_capacity=capacity,
            admission=admission,
            service_jitter=jitter,
            queries=QUERIES,
            regime_queries=15,
        )
    )
    ahead = realised_arrivals(problem, seed, 0, QUERIES + capacity + 1)
    latency, choose = problem.table.latency_s, np.random.default_rng(chooser)
    for free in (False, True):
        engine = Engine(problem, 1)
        engine.seed(np.array([seed], dtype=np.uint64))
        engine.reset()
        served: list[int] = []
        while not engine.truncated[0]:
            head, cached = engine.waiting(0)[0], engine.state["cached"][0]
            number = int(head["tag"]) >> CLASS_BITS
            subnet, subgraph = choose.integers(latency.shape) if free else (0, 0)
            engine.step(np.array([[subnet, subgraph]]))
            done = engine.outcome[0]
            if not closed:
                assert head["time"] == ahead.times[number]
            assert done["number"] == number
            assert done["slo_class"] == ahead.classes[number]
            took = latency[subnet, cached] * ahead.jitter[number]
            assert done["finish_s"] == done["start_s"] + took
            served.append(number)
        assert served == sorted(set(served))
        assert len(served) + engine.state["dropped"][0] == QUERIES
        if admission == "keep" and not engine.state["dropped"][0]:
            assert served == list(range(QUERIES))


def test_another_seed_or_another_episode_brings_other_queries():
    for arrivals in TRAFFIC:
        load = None if arrivals["kind"] == "closed_loop" else 0.5
        scenario = get_scenario("resnet50-busy").replace(
            arrivals=arrivals, load=load, regime_queries=5
        )
        problem = compile_scenario(scenario)
        streams = [realised_arrivals(problem, *key, 200) for key in ((0, 0), (0, 1), (1, 0))]
        again = realised_arrivals(problem, 0, 1, 200)
        assert len({stream.classes.tobytes() for stream in streams}) == 3
        if arrivals["kind"] != "closed_loop" and arrivals != {"kind": "gamma", "scv": 0}:
            assert len({stream.times.tobytes() for stream in streams}) == 3
        assert again.times.tobytes() == streams[1].times.tobytes()
        assert again.classes.tobytes() == streams[1].classes.tobytes()


def test_a_stream_does_not_depend_on_how_much_of_it_is_asked_for():
    problem = compile_scenario(get_scenario(BURSTY))
    long = realised_arrivals(problem, 9, 4, 1000)
    for count in (0, 1, 7, 8, 9, 500):
        short = realised_arrivals(problem, 9, 4, count)
        np.testing.assert_array_equal(short.times, long.times[:count])
        np.testing.assert_array_equal(short.classes, long.classes[:count])
        np.testing.assert_array_equal(short.jitter, long.jitter[:count])
