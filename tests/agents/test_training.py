"""Training with the real Stable-Baselines3: logs, checkpoints, models, seeds."""

import json
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from sushi_agents import baseline_names, make_policy, run_episodes
from sushi_agents.learning.training import train
from sushi_agents.learning.training_run import MAX_RUN_SEED, TrainingRun
from sushi_env import InputError, compile_scenario, get_scenario, mean_metrics

SHORT = get_scenario("resnet50-steady").replace(queries=50)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    run = TrainingRun(SHORT, "ppo", 17_000, 3, out, checkpoint_steps=8_000)
    progress = []
    model = train(run, lambda done, total: progress.append((done, total)))
    return run, model, progress


def test_tensorboard_holds_the_serving_metrics(trained):
    run, _, _ = trained
    events = EventAccumulator(str(run.out))
    events.Reload()
    scalars = events.Tags()["scalars"]
    expected = {"utility", "goodput_accuracy", "slo_attainment", "latency_p99_s", "cache_hit_ratio"}
    assert {f"serving/{name}" for name in expected} <= set(scalars)
    assert "rollout/ep_rew_mean" in scalars
    utility = [event.value for event in events.Scalars("serving/utility")]
    assert all(0 <= value <= 1 for value in utility)


def test_the_saved_model_is_the_trained_one(trained):
    run, model, progress = trained
    assert progress[-1] == (17_000, 17_000)
    problem = compile_scenario(SHORT)
    loaded: Any = make_policy(str(run.model_path), problem, trust=True)
    observation = np.random.default_rng(0).uniform(0, 1, (16, problem.layout.size))
    observation = observation.astype(np.float32)
    assert (
        loaded.predict(observation, deterministic=True)[0]
        == model.predict(observation, deterministic=True)[0]
    ).all()
    assert run_episodes(problem, loaded, 2, seed=0) == run_episodes(problem, model, 2, seed=0)


def test_the_folder_explains_itself_and_holds_no_leftovers(trained):
    run, _, _ = trained
    names = {path.name for path in run.out.iterdir() if not path.name.startswith("events.")}
    assert names == {
        "ppo.zip",
        "ppo-best.zip",
        ".lock",
        "checkpoint.safetensors",
        "agent.json",
        "agent.safetensors",
        "run.json",
    }
    described = json.loads((run.out / "run.json").read_text())
    assert described["scenario_digest"] == SHORT.digest
    assert described["seed"] == 3


def test_same_seed_same_agent(trained, tmp_path):
    _, model, _ = trained
    again = train(TrainingRun(SHORT, "ppo", 17_000, 3, tmp_path))
    mine, other = model.policy.state_dict(), again.policy.state_dict()
    assert all((mine[key] == other[key]).all() for key in mine)


def test_a_model_is_loaded_only_on_trust_and_only_for_its_own_spaces(trained, tmp_path):
    run, _, _ = trained
    problem = compile_scenario(SHORT)
    with pytest.raises(InputError, match="can execute code when it is loaded; pass --trust"):
        make_policy(str(run.model_path), problem)
    other = compile_scenario(SHORT.replace(subgraphs=5))
    with pytest.raises(InputError, match=r"observes \(79,\), but scenario 'resnet50-steady' shows"):
        make_policy(str(run.model_path), other, trust=True)
    broken = tmp_path / "ppo.zip"
    broken.write_bytes(run.model_path.read_bytes()[:1000])
    with pytest.raises(InputError, match="cannot be loaded"):
        make_policy(str(broken), problem, trust=True)
    with pytest.raises(InputError, match="cannot be loaded"):
        make_policy(str(tmp_path / "ppo-gone.zip"), problem, trust=True)
    with pytest.raises(InputError, match="its name does not begin with its algorithm"):
        make_policy(str(tmp_path / "mystery.zip"), problem, trust=True)


def test_a_run_checks_its_numbers(tmp_path):
    for change, message in (
        ({"algo": "sarsa"}, "unknown algorithm 'sarsa'; known: ppo, a2c"),
        ({"steps": 0}, "steps = 0"),
        ({"seed": MAX_RUN_SEED + 1}, f"must be in 0..{MAX_RUN_SEED}"),
    ):
        with pytest.raises(InputError, match=message):
            TrainingRun(
                **{
                    "scenario": SHORT,
                    "algo": "ppo",
                    "steps": 1,
                    "seed": 0,
                    "out": tmp_path,
                    **change,
                }
            )


@pytest.mark.slow
def test_the_demo_beats_random_and_every_static(tmp_path):
    """What `make demo` trains, on seeds it never saw."""
    scenario = get_scenario("resnet50-steady")
    problem = compile_scenario(scenario)
    model = train(TrainingRun(scenario, "ppo", 1_000_000, 0, tmp_path))
    mine = mean_metrics(run_episodes(problem, model, 20, seed=0)).reward
    for name in baseline_names(problem):
        if name == "random" or name.startswith("static-"):
            other = mean_metrics(run_episodes(problem, make_policy(name, problem), 20, seed=0))
            assert mine > other.reward
