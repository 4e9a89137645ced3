"""The compiled engine agrees with a plain-Python simulator in everything it says."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sushi_bench.speed.python_twin import PythonTwin
from sushi_env import Engine, Scenario, ServeEnv, compile_scenario
from sushi_env.rewards import REWARD_PRESETS

BINS_OFF = 1 / 32 + 1e-9  # a time on the edge of a bin is a whole bin off, give or take a bit


@cache
def trace_file() -> str:
    import tempfile

    path = Path(tempfile.mkdtemp()) / "times.csv"
    gaps = np.random.default_rng(0).pareto(1.5, size=200).round(1)
    path.write_text("arrival_s\n" + "\n".join(f"{t:.1f}" for t in gaps.cumsum()))
    return str(path)


ARRIVALS = st.one_of(
    st.just({"kind": "poisson"}),
    st.builds(lambda scv: {"kind": "gamma", "scv": scv}, st.sampled_from([0, 0.1, 1, 3.7, 20])),
    st.builds(
        lambda pairs: {
            "kind": "mmpp",
            "rates": [1.0, *(rate for rate, _ in pairs)],
            "dwell_queries": [20.0, *(dwell for _, dwell in pairs)],
        },
        st.lists(
            st.tuples(st.just(0) | st.floats(1e-6, 9), st.floats(0.5, 90)), min_size=1, max_size=3
        ),
    ),
    st.builds(
        lambda period, swing: {"kind": "diurnal", "period_queries": period, "amplitude": swing},
        st.floats(5, 500),
        st.floats(0, 1),
    ),
    st.builds(
        lambda period, share, peak: {
            "kind": "flash_crowd",
            "period_queries": period,
            "duration_queries": period * share,
            "peak": peak,
        },
        st.floats(20, 300),
        st.floats(0.05, 0.9),
        st.floats(1, 20),
    ),
    st.builds(
        lambda jitter: {"kind": "trace", "path": trace_file(), "jitter_s": jitter},
        st.sampled_from([0.0, 2.0]),
    ),
    st.just({"kind": "closed_loop"}),
)


@st.composite
def scenarios(draw: Any) -> Scenario:
    arrivals = draw(ARRIVALS)
    classes = draw(
        st.lists(st.tuples(st.floats(0.05, 4), st.floats(70, 81)), min_size=1, max_size=4)
    )
    weights = st.lists(st.floats(0.05, 1), min_size=len(classes), max_size=len(classes))
    return Scenario.model_validate(
        {
            "name": "drawn",
            "supernet": draw(st.sampled_from(["resnet50", "mobilenetv3"])),
            "board": draw(st.sampled_from(["zcu104", "zcu104-overlapped"])),
            "subgraphs": draw(st.sampled_from([1, 5])),
            "load": None if arrivals["kind"] == "closed_loop" else draw(st.floats(0.05, 2)),
            "arrivals": arrivals,
            "classes": [
                {"name": str(n), "slo": slo, "floor": floor}
                for n, (slo, floor) in enumerate(classes)
            ],
            "regimes": draw(st.lists(weights, min_size=1, max_size=4)),
            "regime_queries": draw(st.sampled_from([1, 3, 40])),
            "service_jitter": draw(st.sampled_from([0, 0, 0.3])),
            "queue_capacity": draw(st.sampled_from([1, 2, 3, 7, 64])),
            "admission": draw(st.sampled_from(["keep", "drop_hopeless"])),
            "queries": draw(st.integers(1, 80)),
            "reward": draw(st.sampled_from(list(REWARD_PRESETS))),
        }
    )


def agree(scenario: Scenario, seed: int) -> None:
    problem = compile_scenario(scenario)
    engine, twin, env = Engine(problem, 3), PythonTwin(problem), ServeEnv(scenario)
    engine.seed(np.array([seed + 1, seed, seed + 2], dtype=np.uint64))
    rng = np.random.default_rng(seed)
    sizes = [problem.table.num_subnets, problem.table.num_subgraphs]
    for episode in range(2):
        engine.reset(np.array([1]) if episode else None)
        seen, _ = env.reset(seed=seed) if episode == 0 else env.reset()
        expected = twin.reset(seed, episode)
        over = False
        while not over:
            np.testing.assert_allclose(engine.observation[1], expected, rtol=2e-6, atol=2e-6)
            np.testing.assert_array_equal(engine.observation[1], seen)
            i, j = (int(n) for n in rng.integers(sizes))
            actions = np.tile([i, j], (3, 1))
            expected, reward, over, told = twin.step(i, j)
            engine.step(actions, reset_over=True)
            seen, single, _, truncated, info = env.step(np.array([i, j]))
            assert engine.reward[1] == pytest.approx(reward, rel=1e-6, abs=1e-6)
            assert single == engine.reward[1]
            assert truncated == over == engine.truncated[1]
            for name, value in told.items():
                assert info[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name
        np.testing.assert_allclose(engine.observation[1], expected, rtol=2e-6, atol=2e-6)
        compare_metrics(vars(engine.metrics(1)), twin.metrics())


def compare_metrics(found: dict[str, float], exact: dict[str, float]) -> None:
    for name, value in exact.items():
        near = BINS_OFF if name.startswith("latency_p") else 1e-9
        assert found[name] == pytest.approx(value, rel=near, abs=1e-12), name


CHECKS = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=120, **CHECKS)
@given(scenario=scenarios(), seed=st.integers(0, 2**63))
def test_engine_and_twin_agree(scenario, seed):
    agree(scenario, seed)


@pytest.mark.slow
@settings(max_examples=3000, **CHECKS)
@given(scenario=scenarios(), seed=st.integers(0, 2**63))
def test_engine_and_twin_agree_on_many_more(scenario, seed):
    agree(scenario, seed)
