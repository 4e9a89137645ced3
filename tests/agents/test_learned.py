"""Agents on disk: what is saved is what was trained, and nothing on the way executes code."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from chosen import GAMMA, OTHER_TRACE
from sushi_agents import make_policy, policy_names, run_episodes
from sushi_agents.learning.training import train
from sushi_agents.learning.training_run import TrainingRun
from sushi_agents.network.learned import load_agent
from sushi_agents.zoo import zoo_folder, zoo_names
from sushi_env import Engine, InputError, compile_scenario, get_scenario, mean_metrics

SHORT = get_scenario("resnet50-steady").replace(queries=50)
PROBLEM = compile_scenario(SHORT)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    run = TrainingRun(SHORT, "ppo", 40_000, 1, tmp_path_factory.mktemp("run"), patience=99)
    return run, train(run)


def observations(n: int = 256) -> np.ndarray:
    engine = Engine(PROBLEM, n)
    engine.seed(np.arange(n, dtype=np.uint64))
    engine.reset()
    rng = np.random.default_rng(0)
    for _ in range(20):
        engine.step(rng.integers([6, 16], size=(n, 2)), reset_over=True)
    return engine.observation.copy()


def copied(path: Path, folder: Path) -> Path:
    for suffix in (".json", ".safetensors"):
        (folder / f"agent{suffix}").write_bytes(path.with_suffix(suffix).read_bytes())
    return folder / "agent.json"


def test_an_agent_acts_as_the_model_it_was_taken_from(trained):
    run, _ = trained
    agent = make_policy(str(run.agent_path), PROBLEM)
    best = make_policy(str(run.best_path), PROBLEM, trust=True)
    seen = observations()
    mine, theirs = agent.predict(seen)[0], best.predict(seen, deterministic=True)[0]
    assert (mine == theirs).mean() > 0.999  # it computes in double precision, SB3 in single
    assert len(np.unique(mine[:, 0])) > 1
    for size in (1, 7, 100):
        assert (agent.predict(seen[:size])[0] == mine[:size]).all()
    assert (agent.predict(seen[3])[0] == mine[3]).all()
    assert make_policy(str(run.agent_path.with_suffix(".safetensors")), PROBLEM)


def test_the_card_says_where_the_agent_comes_from(trained):
    run, _ = trained
    card = json.loads(run.agent_path.read_text())
    assert card["scenarios"] == {SHORT.name: SHORT.digest}
    assert card["training"]["command"].startswith("sushi train --scenario resnet50-steady")
    assert card["training"]["hyperparameters"]["policy"] == "queue"
    agent = make_policy(str(run.agent_path), PROBLEM)
    first, count = int(card["score"]["first_seed"]), int(card["score"]["episodes"])
    rows = run_episodes(PROBLEM, agent, count, first)
    assert np.mean([row.utility for row in rows]) == pytest.approx(card["score"]["utility"])


def test_an_agent_refuses_spaces_that_are_not_its_own(trained):
    run, _ = trained
    for change in ({"subgraphs": 5}, {"supernet": "mobilenetv3"}):
        other = compile_scenario(SHORT.replace(**change))
        with pytest.raises(InputError, match=r"was trained on 6 SubNets and 16 SubGraphs, sce"):
            load_agent(run.agent_path, other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "sushi-agent/9"}, "format"),
        ({"surprise": 1}, "surprise"),
        ({"network": {"hidden": 10**9}}, "hidden"),
        ({"network": {"levels": [0.0]}}, "network.levels has 1 values, must have 6"),
        ({"network": {"context": [0.0]}}, "network.context has 1 values, must have 100"),
        ({"network": {"hidden": 48}}, "has shape"),
    ],
)
def test_a_doctored_card_is_refused(trained, tmp_path, change, message):
    path = copied(trained[0].agent_path, tmp_path)
    card = json.loads(path.read_text())
    for key, value in change.items():
        card[key] = card[key] | value if isinstance(value, dict) else value
    path.write_text(json.dumps(card))
    with pytest.raises(InputError, match=message) as raised:
        load_agent(path, PROBLEM)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("key", ["hidden", "critic", "sharpness", "levels"])
def test_a_card_that_lacks_something_is_refused(trained, tmp_path, key):
    path = copied(trained[0].agent_path, tmp_path)
    card = json.loads(path.read_text())
    del card["network"][key]
    path.write_text(json.dumps(card))
    with pytest.raises(InputError, match=f"network.{key}"):
        load_agent(path, PROBLEM)


def test_damaged_weights_are_refused(trained, tmp_path):
    path = copied(trained[0].agent_path, tmp_path)
    weights = path.with_suffix(".safetensors")
    good = weights.read_bytes()
    for bad in (good[: len(good) // 2], b"", b"\xff" * 100):
        weights.write_bytes(bad)
        with pytest.raises(InputError, match="is damaged"):
            load_agent(path, PROBLEM)
    tensors = load_agent(trained[0].agent_path, PROBLEM).network.state_dict()
    kept = {k: v.float() for k, v in tensors.items() if not k.startswith("value.")}
    save_file(kept | {"extra": torch.zeros(1)}, weights)
    with pytest.raises(InputError, match="tensors missing or unknown: 'extra'"):
        load_agent(path, PROBLEM)
    save_file(kept | {"score.3.bias": torch.tensor([float("nan")])}, weights)
    with pytest.raises(InputError, match="not finite"):
        load_agent(path, PROBLEM)
    weights.unlink()
    with pytest.raises(InputError, match=r"agent.safetensors: cannot be read"):
        load_agent(path, PROBLEM)
    path.write_text("{")
    with pytest.raises(InputError, match=r"not JSON"):
        load_agent(path, PROBLEM)


class Malicious:
    """Leaves a marker when it is unpickled."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return (Path.touch, (self.marker,))


@pytest.mark.parametrize("name", ["agent.safetensors", "agent.json", "ppo.zip"])
def test_a_malicious_pickle_is_never_unpickled(trained, tmp_path, name):
    path, marker = copied(trained[0].agent_path, tmp_path), tmp_path / "marker"
    (tmp_path / name).write_bytes(pickle.dumps(Malicious(marker)))
    with pytest.raises(InputError):
        make_policy(str(tmp_path / name if name == "ppo.zip" else path), PROBLEM)
    assert not marker.exists()
    pickle.loads((tmp_path / name).read_bytes())  # it would have
    assert marker.exists()


@pytest.mark.parametrize("name", zoo_names())
def test_the_zoo_has_what_its_cards_say(name):
    problem = compile_scenario(get_scenario(name))
    agent: Any = make_policy("zoo", problem)
    score = agent.card.score
    assert "zoo" in policy_names(problem)
    rows = run_episodes(problem, agent, int(score["episodes"]), int(score["first_seed"]))
    assert np.mean([row.utility for row in rows]) == pytest.approx(score["utility"], abs=1e-9)


def test_the_zoo_is_small_and_knows_its_scenarios():
    assert sum(path.stat().st_size for path in zoo_folder().rglob("*.*")) < 20 * 1024**2
    with pytest.raises(InputError, match="the zoo has no agent for scenario 'resnet50-steady'"):
        make_policy("zoo", PROBLEM)
    name = zoo_names()[0]
    changed = compile_scenario(get_scenario(name).replace(load=0.123))
    with pytest.raises(InputError, match="was trained on another version of it: digest"):
        make_policy("zoo", changed)


@pytest.mark.parametrize("name", [GAMMA, OTHER_TRACE])
def test_a_generalist_beats_heuristics_where_it_was_never_trained(name):
    problem = compile_scenario(get_scenario(name))
    agent: Any = make_policy("generalist", problem)
    assert name not in agent.card.scenarios
    assert "generalist" in policy_names(problem)
    utility = {
        policy: mean_metrics(run_episodes(problem, make_policy(policy, problem), 10, 77)).utility
        for policy in ("generalist", "slackfit", "max-accuracy", "infaas")
    }
    assert max(utility, key=utility.__getitem__) == "generalist"


def test_generalists_know_their_spaces():
    fewer = compile_scenario(SHORT.replace(subgraphs=4))
    assert "generalist" not in policy_names(fewer)
    with pytest.raises(InputError, match="was trained on 6 SubNets and 16 SubGraphs"):
        make_policy("generalist", fewer)
