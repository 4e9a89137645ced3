"""What validation would have refused neither hangs the engine nor leads it out of its arrays."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from sushi_env import Engine, Problem, compile_scenario, get_scenario
from sushi_env.engine.records import HISTOGRAM_BINS
from sushi_env.engine.service import latency_bin

BUSY = get_scenario("resnet50-busy")
MMPP = BUSY.replace(arrivals={"kind": "mmpp", "rates": [0, 1], "dwell_queries": [1, 1]})
HOSTILE = {
    "segments without end": (MMPP, "spans", 1e-300),
    "segments of no length": (MMPP, "spans", 0.0),
    "no rate at all": (MMPP, "rates", 0.0),
    "rates that are no numbers": (MMPP, "rates", np.nan),
    "latencies that are no numbers": (BUSY, "pairs", np.nan),
    "latencies without end": (BUSY, "pairs", np.inf),
    "latencies below all": (BUSY, "pairs", -1e300),
    "reloads that are no numbers": (BUSY, "reloads", np.nan),
    "SLOs that are no numbers": (BUSY, "classes", np.nan),
    "shares that are no numbers": (BUSY, "class_cdf", np.nan),
}


def hostile(name: str) -> Problem:
    scenario, field, value = HOSTILE[name]
    problem = compile_scenario(scenario)
    return replace(problem, **{field: np.full_like(getattr(problem, field), value)})


def play(name: str) -> None:
    engine = Engine(hostile(name), 1)
    engine.seed(np.zeros(1, dtype=np.uint64))
    engine.reset()
    for step in range(20):
        engine.step(np.array([[step % 6, step % 16]]), reset_over=True)
    counts = engine._memory.arrays.histogram
    assert counts.min() >= 0, name
    assert counts.sum() <= 20, name


def test_no_figure_hangs_a_step():
    script = (
        "import sys; sys.path.insert(0, 'tests/env')\n"
        "import test_unchecked_numbers as t\n"
        "for name in t.HOSTILE: print(name, flush=True); t.play(name)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=120)
    assert done.returncode == 0, (done.stdout, done.stderr)


@pytest.mark.parametrize("ratio", [np.nan, -np.nan, np.inf, -np.inf, -1.0, 0.0, 5e-324, 1e308])
def test_every_ratio_has_a_bin_of_the_histogram(ratio):
    assert 0 <= latency_bin(ratio) < HISTOGRAM_BINS
