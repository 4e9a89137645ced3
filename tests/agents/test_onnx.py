"""Exported agents: the same actions on real observations, and a refusal of what cannot be."""

import sys

import numpy as np
import pytest
import torch
from stable_baselines3 import DQN, PPO
from torch import nn

from sushi_agents import make_policy, run_episodes
from sushi_agents.export.recording import recorded_episodes
from sushi_agents.learning.algorithms import as_policy
from sushi_agents.zoo import zoo_names
from sushi_bench.main import main
from sushi_env import InputError, compile_scenario, get_scenario
from sushi_env.sb3_vec_env import SushiVecEnv
from sushi_env.sb3_wrappers import DiscreteActions

pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

from sushi_agents.export.onnx_export import export_onnx
from sushi_agents.export.onnx_policy import OnnxPolicy

SHORT = compile_scenario(get_scenario("resnet50-busy").replace(queries=300))


def seen_by(policy) -> np.ndarray:
    return np.concatenate([e.observations for e in recorded_episodes(SHORT, policy, 3)])


def test_a_trained_model_acts_the_same(tmp_path):
    env = SushiVecEnv(SHORT.scenario, 8)
    model = PPO("MlpPolicy", env, n_steps=64, batch_size=256, seed=1, device="cpu").learn(4096)
    export_onnx(model, SHORT, tmp_path / "agent.onnx")
    exported = make_policy(str(tmp_path / "agent.onnx"), SHORT)
    seen = seen_by(model)
    expected, _ = model.predict(seen, deterministic=True)
    actions, state = exported.predict(seen)
    np.testing.assert_array_equal(actions, expected)
    assert state is None
    one, _ = exported.predict(seen[0])
    assert one.shape == (2,)
    assert run_episodes(SHORT, exported, 2, 0) == run_episodes(SHORT, model, 2, 0)


def test_a_model_of_single_actions_acts_the_same(tmp_path):
    env = DiscreteActions(SushiVecEnv(SHORT.scenario, 2))
    policy = as_policy(DQN("MlpPolicy", env, seed=1, device="cpu"), SHORT)
    export_onnx(policy, SHORT, tmp_path / "agent.onnx")
    seen = seen_by(policy)
    expected, _ = policy.predict(seen, deterministic=True)
    np.testing.assert_array_equal(
        OnnxPolicy(tmp_path / "agent.onnx", SHORT).predict(seen)[0], expected
    )


ONE_AGENT, *OTHER_AGENTS = zoo_names()


@pytest.mark.parametrize(
    "name", [ONE_AGENT, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHER_AGENTS)]
)
def test_agents_of_the_zoo_act_the_same(name, tmp_path, monkeypatch, capsys):
    out = str(tmp_path / "zoo.onnx")
    command = ["sushi", "export", "--model", "zoo", "--scenario", name, "--out", out]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 0
    assert "differ on 0 of" in " ".join(capsys.readouterr().err.split())


def test_any_torch_module_of_the_right_size_can_be_exported(tmp_path):
    S, G = SHORT.table.num_subnets, SHORT.table.num_subgraphs
    network = nn.Linear(SHORT.layout.size, S + G)
    export_onnx(network, SHORT, tmp_path / "linear.onnx")
    seen = seen_by(make_policy("slackfit", SHORT))
    with torch.no_grad():
        scores = network(torch.as_tensor(seen)).numpy()
    actions, _ = OnnxPolicy(tmp_path / "linear.onnx", SHORT).predict(seen)
    np.testing.assert_array_equal(actions[:, 0], scores[:, :S].argmax(axis=1))
    np.testing.assert_array_equal(actions[:, 1], scores[:, S:].argmax(axis=1))


def test_what_cannot_be_exported_or_read_is_one_line(tmp_path):
    with pytest.raises(InputError, match="SlackFit has no network to export"):
        export_onnx(make_policy("slackfit", SHORT), SHORT, tmp_path / "a.onnx")
    with pytest.raises(InputError, match=r"gives \(5,\) scores, must be 6 \+ 16 or 6 \* 16"):
        export_onnx(nn.Linear(SHORT.layout.size, 5), SHORT, tmp_path / "a.onnx")
    with pytest.raises(InputError, match="does not take observations of 79"):
        export_onnx(nn.Linear(3, 22), SHORT, tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a.onnx").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="is no ONNX model"):
        OnnxPolicy(tmp_path / "a.onnx", SHORT)
    with pytest.raises(InputError, match="cannot be read"):
        OnnxPolicy(tmp_path / "none.onnx", SHORT)
    export_onnx(nn.Linear(SHORT.layout.size, 22), SHORT, tmp_path / "b.onnx")
    small = compile_scenario(get_scenario("resnet50-busy").replace(subgraphs=4))
    with pytest.raises(InputError, match=r"observes .79., but scenario 'resnet50-busy' shows"):
        OnnxPolicy(tmp_path / "b.onnx", small)
