"""Files of the formats as they were first written load, and mean what they meant.

`old_formats/` was written by the code before the packages were regrouped: never write it anew.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from chosen import ROOT
from sushi_accel import load_board, load_supernet, load_table
from sushi_agents import make_policy
from sushi_bench.results.files import read_results
from sushi_env import Engine, InputError, compile_scenario
from sushi_env.scenario.scenario import load_scenario

OLD = ROOT / "tests" / "old_formats"
EXPECTED = json.loads((OLD / "expected.json").read_text())
READERS = {
    "board.yaml": load_board,
    "supernet.yaml": load_supernet,
    "scenario.yaml": load_scenario,
    "results.jsonl": read_results,
}


def test_a_board_and_a_supernet():
    assert load_board(OLD / "board.yaml").bandwidth_bytes_per_s == 7e9
    net = load_supernet(OLD / "supernet.yaml")
    assert [subnet.name for subnet in net.subnets] == EXPECTED["subnets"]
    assert [layer.out_channels for layer in net.subnets[1].layers] == [24, 24, 24, 96]


def test_a_table():
    latencies = load_table(OLD / "table.npz").latency_s
    assert latencies[0].tolist() == [
        0.008704614759883584, 0.008190645027636785, 0.008190645027636785,
    ]  # fmt: skip
    assert latencies.shape == (7, 3)


def test_a_scenario_keeps_its_digest_and_an_agent_its_decisions():
    scenario = load_scenario(OLD / "scenario.yaml")
    assert scenario.digest == EXPECTED["scenario_digest"]
    problem = compile_scenario(scenario)
    agent = make_policy(str(OLD / "agent.json"), problem)
    engine = Engine(problem, 8)
    engine.seed(np.arange(8, dtype=np.uint64))
    observation = engine.reset()
    for actions in EXPECTED["actions"]:
        chosen, _ = agent.predict(observation.copy())
        assert np.asarray(chosen).tolist() == actions
        engine.step(np.asarray(chosen))
        observation = engine.observation


def test_a_result_file():
    results = read_results(OLD / "results.jsonl")
    assert results.header.policy == "static-A"
    assert len(results.rows) == 3


@pytest.mark.parametrize("name", READERS)
def test_a_version_of_a_later_release_is_one_line(name: str, tmp_path: Path):
    text = (OLD / name).read_text()
    stated = {
        "results.jsonl": ("sushi-bench-results/1", "sushi-bench-results/99"),
        "scenario.yaml": ("name:", "schema_version: 99\nname:"),
    }.get(name, ("schema_version: 1", "schema_version: 99"))
    assert stated[0] in text
    path = tmp_path / name
    path.write_text(text.replace(*stated, 1))
    with pytest.raises(InputError, match="written for a later release") as raised:
        READERS[name](path)
    assert "\n" not in str(raised.value)


def test_an_agent_of_a_later_release_is_one_line(tmp_path: Path):
    for suffix in (".json", ".safetensors"):
        (tmp_path / f"agent{suffix}").write_bytes((OLD / f"agent{suffix}").read_bytes())
    card = json.loads((tmp_path / "agent.json").read_text()) | {"format": "sushi-agent/99"}
    (tmp_path / "agent.json").write_text(json.dumps(card))
    problem = compile_scenario(load_scenario(OLD / "scenario.yaml"))
    with pytest.raises(InputError, match="written for a later release"):
        make_policy(str(tmp_path / "agent.json"), problem)
