"""In how many files something new is added, counted: the edits below are all that it takes.

A copy of the packages is edited, and run without compilation in a process of its own.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("accel/sushi_accel", "agents/sushi_agents", "benchmarks/sushi_bench", "sushi_env")
EPISODE = """
import json
import numpy as np
from pathlib import Path
import sushi_agents
from sushi_agents.network.learned import load_agent
from sushi_env import ServeEnv, compile_scenario, get_scenario
scenario = get_scenario("resnet50-busy").replace(queries=12)
problem = compile_scenario(scenario)
agents = Path(sushi_agents.__file__).parent / "zoo_agents"
agent = load_agent(next(agents.glob("*/resnet50-busy.json")), problem)
env = ServeEnv(scenario)
seen, told = env.reset(seed=3)
found = {"digest": scenario.digest, "actions": [], "rewards": [], "seen": [], "info": []}
over = False
while not over:
    action = agent.predict(seen)[0]
    seen, reward, _, over, info = env.step(action)
    assert info.keys() == told.keys()
    found["actions"].append(action.tolist())
    found["rewards"].append(reward)
    found["seen"].append(seen.tolist())
    found["info"].append({name: float(value) for name, value in info.items()})
"""
METRIC = {
    "sushi_env/engine/metrics.py": [
        (
            "    reward: float = _metric(",
            '    served_share: float = _metric("Served", "Share of queries served.", '
            'lambda e: 1 - e.state["dropped"] / e.resolved, group="Quality", brief="served", '
            "**_SHARE)\n",
        )
    ]
}
METRIC_SHOWN = """
from rich.console import Console
from sushi_agents.learning import watching
from sushi_bench.comparing.comparison import Comparison
from sushi_bench.comparing.comparison_tables import COLUMNS
from sushi_bench.leaderboard.columns import suite_columns
from sushi_bench.results.schema import Metrics
from sushi_env import EpisodeMetrics
found["shown"] = [
    "served_share" in watching.METRICS,
    "served" in [metric.brief for metric in COLUMNS],
    "served_share" in [column.key for column in suite_columns(False, None)],
    "served_share" in Metrics.model_fields,
    "Share of queries served." in EpisodeMetrics.__doc__,
]
"""
COMPONENT = {
    "sushi_env/rewards.py": [
        (
            '    Component("late",',
            '    Component("loaded_any", "1 if a SubGraph was loaded", -1, 1),\n',
        )
    ],
    "sushi_env/engine/service.py": [
        ("    reward = (\n", "    loaded_any = 1.0 if j != g else 0.0\n"),
        ("        + w.late *", "        + w.loaded_any * loaded_any\n"),
        ("        out.late =", "        out.loaded_any = loaded_any\n"),
    ],
}
COMPONENT_WEIGHED = """
from sushi_agents.clairvoyant.instance import realise
from sushi_agents.heuristics.lookahead import Lookahead
from sushi_env import InputError
from sushi_env.mo_serve import MoServeEnv
found["objectives"] = MoServeEnv(scenario).reward_space.low.tolist()
dear = scenario.replace(reward_weights={"loaded_any": -7.0})
other = ServeEnv(dear)
other.reset(seed=3)
found["dear"] = [other.step(np.array(action))[1] for action in found["actions"]]
found["refused"] = []
for planner in (Lookahead, lambda problem: realise(problem, 0)):
    try:
        planner(compile_scenario(dear))
    except InputError as error:
        found["refused"].append(str(error))
"""
PART = {
    "sushi_env/engine/layout.py": [
        (
            ')\n"""The parts, in order.',
            '    Part("served", "1", 0, 1, "share of the episode\'s queries that were served"),\n',
        )
    ],
    "sushi_env/engine/observation.py": [
        (
            "    age = now - s.last_change\n",
            "    m.observation[k, at.served] = s.served / p.queries\n",
        )
    ],
    "benchmarks/sushi_bench/speed/python_twin.py": [
        (
            "        return np.array(seen, dtype=np.float32)",
            "        seen.append(self.served / self.scenario.queries)\n",
        )
    ],
}
PART_TWIN = """
from sushi_bench.speed.python_twin import PythonTwin
twin = PythonTwin(problem)
twin.reset(3)
found["twin"] = [twin.step(*action)[0].tolist() for action in found["actions"]]
found["range"] = [float(b[-1]) for b in (env.observation_space.low, env.observation_space.high)]
"""
KEY = {
    "sushi_env/scenario/scenario.py": [
        ('    reward: str = "tradeoff"\n', '    colour: Literal["red", "blue"] = "red"\n')
    ]
}
KEY_GIVEN = """
found["other"] = scenario.replace(colour="blue").digest
"""


def run(folder: Path, script: str) -> dict:
    path = os.pathsep.join(str(folder / part) for part in ("accel", "agents", "benchmarks", "."))
    ran = subprocess.run(
        [sys.executable, "-c", EPISODE + script + "\nprint(json.dumps(found))"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "NUMBA_DISABLE_JIT": "1"},
        cwd=folder,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout.splitlines()[-1])


def grown(folder: Path, edits: dict) -> Path:
    """A copy of the packages, with each insertion made before its anchor."""
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for file, insertions in edits.items():
        path = folder / file
        text = path.read_text()
        for anchor, inserted in insertions:
            assert text.count(anchor) == 1, (file, anchor)
            text = text.replace(anchor, inserted + anchor)
        path.write_text(text)
    return folder


@pytest.fixture(scope="module")
def before() -> dict:
    return run(ROOT, "")


def test_a_metric_of_existing_totals_takes_one_file(tmp_path, before):
    assert len(METRIC) == 1
    found = run(grown(tmp_path, METRIC), METRIC_SHOWN)
    last = found["info"][-1]
    assert last["metric_served_share"] == pytest.approx(1 - last["metric_drop_rate"])
    assert found["shown"] == [True] * 5
    assert found["actions"] == before["actions"]
    assert found["rewards"] == before["rewards"]


@pytest.mark.slow
def test_a_reward_component_takes_two_files(tmp_path, before):
    assert len(COMPONENT) == 2
    found = run(grown(tmp_path, COMPONENT), COMPONENT_WEIGHED)
    assert found["digest"] == before["digest"]
    assert found["rewards"] == before["rewards"]
    loaded = [info["component_loaded_any"] for info in found["info"]]
    assert {0.0, 1.0} == set(loaded)
    expected = [reward - 7 * any_ for reward, any_ in zip(before["rewards"], loaded, strict=True)]
    assert found["dear"] == pytest.approx(expected, rel=1e-5)
    assert len(found["objectives"]) == 8
    assert found["objectives"][3] == -1
    for error in found["refused"]:
        assert "does not know reward component 'loaded_any' (weight -7.0)" in error
    assert len(found["refused"]) == 2


@pytest.mark.slow
def test_an_observation_part_takes_two_files_and_the_twin(tmp_path, before):
    assert len(PART) == 3
    found = run(grown(tmp_path, PART), PART_TWIN)
    assert found["actions"] == before["actions"]  # the agent was loaded, and goes on as it did
    assert [seen[:-1] for seen in found["seen"]] == before["seen"]
    assert found["range"] == [0, 1]
    assert found["digest"] == before["digest"]
    for seen, twins in zip(found["seen"], found["twin"], strict=True):
        assert seen == pytest.approx(twins, rel=2e-6, abs=2e-6)
    assert found["seen"][-1][-1] > 0.5


@pytest.mark.slow
def test_a_key_of_scenarios_takes_one_file(tmp_path, before):
    assert len(KEY) == 1
    found = run(grown(tmp_path, KEY), KEY_GIVEN)
    assert found["digest"] == before["digest"] != found["other"]
