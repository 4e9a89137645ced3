"""Whatever numbers a scenario has: it is refused in one line, or runs with finite figures.

Keys and their ranges come from the scenario's own schema, so that a new key is drawn as well.
"""

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sushi_env import Engine, InputError, Scenario, compile_scenario
from sushi_env.scenario.scenario import parse_scenario

STEPS = 200
MOST_S = 1.0
WILD = (math.nan, math.inf, -math.inf, -1e308, -5e-324, 5e-324, 1e-310, 1e308, 2**63, "1", None)
DIGITS = 15
"""Decades below a range's end over which a figure is drawn evenly, if the range goes to zero."""

HARDWARE = (  # few, since each is a table to build
    {},
    {"supernet": "mobilenetv3", "pb_kib": 0},
    {"bandwidth_gbs": 1e-3, "subgraphs": 4},
    {"bandwidth_gbs": 1e5, "subgraphs": 1},
    {"board": "alveo_u50", "pb_kib": 1024**2},
)
GIVEN = {"table", "supernet", "board", "pb_kib", "bandwidth_gbs", "subgraphs", "sha256"}
SCHEMA: dict[str, Any] = Scenario.model_json_schema()


class Corners:
    """Draws scenarios as plain data from the corners of what their schema allows."""

    def __init__(self, seed: int, trace: Path):
        self.rng = np.random.default_rng(seed)
        self.words = {"path": str(trace), "name": "corner", "reward": "tradeoff", "sha256": None}

    def number(self, schema: dict[str, Any]) -> Any:
        if self.rng.random() < 0.01:
            return WILD[self.rng.integers(len(WILD))]
        least, most = schema["minimum"], schema["maximum"]
        kind = self.rng.random()
        if kind < 0.25:
            value = least
        elif kind < 0.5:
            value = most
        elif least > 0:
            value = math.exp(self.rng.uniform(math.log(least), math.log(most)))
        else:
            value = most * 10.0 ** -self.rng.uniform(0, DIGITS)
            value = -value if least < 0 and self.rng.random() < 0.5 else max(value, 0)
        whole = schema["type"] == "integer"
        return min(max(round(value), least), most) if whole else float(value)

    def draw(self, schema: dict[str, Any], key: str = "") -> Any:
        if key in self.words:
            return self.words[key]
        if "$ref" in schema:
            return self.draw(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], key)
        for choices in ("oneOf", "anyOf"):
            if choices in schema:
                return self.draw(schema[choices][self.rng.integers(len(schema[choices]))], key)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][self.rng.integers(len(schema["enum"]))]
        if schema["type"] == "object":
            return {
                name: self.draw(inner, name)
                for name, inner in schema["properties"].items()
                if name not in GIVEN
            }
        if schema["type"] == "array":
            least = schema.get("minItems", 1)
            length = self.rng.choice([least, 3, schema.get("maxItems", 8)], p=[0.45, 0.45, 0.1])
            return [self.draw(schema["items"]) for _ in range(length)]
        if schema["type"] in ("number", "integer"):
            return self.number(schema)
        return {"string": "x", "null": None, "boolean": True}[schema["type"]]

    def scenario(self) -> dict[str, Any]:
        drawn = self.draw(SCHEMA) | HARDWARE[self.rng.integers(len(HARDWARE))]
        shares = SCHEMA["properties"]["regimes"]["items"]["items"]
        drawn["regimes"] = [[self.number(shares) for _ in drawn["classes"]] for _ in range(3)]
        for weights in drawn["regimes"]:
            weights[0] = weights[0] if any(weights) else shares["maximum"]
        arrivals = drawn["arrivals"]
        if "duration_queries" in arrivals and self.rng.random() < 0.9:
            arrivals["duration_queries"] = 0.9 * (arrivals["period_queries"] or 1)
        if "rates" in arrivals:
            span = SCHEMA["$defs"]["MmppArrivals"]["properties"]["dwell_queries"]["items"]
            arrivals["dwell_queries"] = [self.number(span) for _ in arrivals["rates"]]
        if arrivals["kind"] == "closed_loop":
            drawn["load"] = None
        elif drawn["load"] is None:
            drawn["load"] = self.number(SCHEMA["properties"]["load"]["anyOf"][0])
        return drawn


def run(drawn: dict[str, Any], seed: int, most_s: float = MOST_S) -> bool:
    """Whether the scenario was accepted; if so, it has run."""
    try:
        problem = compile_scenario(parse_scenario(drawn, "here"))
    except InputError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert "\n" not in refusal, drawn
        return False
    engine = Engine(problem, 1)
    rng = np.random.default_rng(seed)
    actions = np.stack([rng.integers(n, size=STEPS) for n in problem.pairs.shape[:2]], axis=1)
    seen, rewards = np.zeros((STEPS, problem.layout.size)), np.zeros(STEPS)
    began = time.process_time()
    engine.seed(np.array([seed], dtype=np.uint64))
    engine.reset()
    for step in range(STEPS):
        seen[step] = engine.observation[0]
        engine.step(actions[step : step + 1], reset_over=True)
        rewards[step] = engine.reward[0]
    assert time.process_time() - began < most_s, drawn
    space = problem.layout.space
    assert ((seen >= space.low) & (seen <= space.high)).all(), drawn  # not where one is NaN
    assert np.isfinite(rewards).all(), drawn
    assert np.isfinite(list(vars(engine.metrics(0)).values())).all(), drawn
    return True


def run_many(count: int, seed: int, folder: Path) -> None:
    trace = folder / "trace.csv"
    trace.write_text("arrival_s\n0\n0\n0\n1e-300\n1e9\n1e300\n")
    simplest = {"name": "a", "load": 1, "classes": [{"name": "a", "slo": 1}], "regimes": [[1]]}
    assert run(simplest, 0, np.inf)  # compiles the engine, if that is still to be done
    corners = Corners(seed, trace)
    accepted = sum(run(corners.scenario(), n) for n in range(count))
    assert count / 4 < accepted < count


def test_every_corner_is_refused_or_runs(tmp_path):
    run_many(500, 0, tmp_path)


@pytest.mark.slow
def test_many_more_corners_are_refused_or_run(tmp_path):
    run_many(10_000, 1, tmp_path)
