"""Training on several scenarios at once, and with the cache action taken away."""

import numpy as np
import pytest
import torch

from chosen import OTHER_SHIFT, SHIFT
from sushi_agents.learning.algorithms import as_policy
from sushi_agents.learning.mixture import draw_mixture
from sushi_agents.learning.mixture_env import MixtureVecEnv
from sushi_agents.learning.training import train
from sushi_agents.learning.training_run import TrainingRun
from sushi_agents.network.learned import load_agent
from sushi_agents.network.network import QueueNetwork, network_spec
from sushi_agents.network.table_context import context_of
from sushi_env import InputError, compile_scenario, get_scenario
from sushi_env.sb3_vec_env import SushiVecEnv
from sushi_env.step_info import metrics_in

BASE = get_scenario(SHIFT).replace(queries=40)
PROBLEM = compile_scenario(BASE)
QUICK = {"n_envs": 64, "batch_size": 512}


def test_drawn_scenarios_differ_and_follow_from_the_seed():
    drawn = draw_mixture(BASE, 12, 3)
    assert [p.scenario for p in drawn] == [p.scenario for p in draw_mixture(BASE, 12, 3)]
    assert len({p.scenario.digest for p in drawn + draw_mixture(BASE, 12, 4)}) == 24
    assert len({p.scenario.arrivals.kind for p in drawn}) >= 3
    assert len({p.scenario.board for p in drawn}) >= 3
    assert all(p.layout == PROBLEM.layout for p in drawn)
    with pytest.raises(InputError, match=r"mixture = 0, must be in 1\.\.256"):
        draw_mixture(BASE, 0, 3)


@pytest.mark.parametrize("name", [SHIFT, OTHER_SHIFT])
def test_some_drawn_classes_take_any_answer_and_some_only_good_ones(name):
    """Where every floor is above the smallest SubNet, agents learn never to hurry."""
    drawn = draw_mixture(get_scenario(name), 40, 0)
    top1 = drawn[0].table.top1
    for lowest_floor_is_met in (True, False):
        scenarios = [
            p
            for p in drawn
            if (min(c.floor for c in p.scenario.classes) <= top1.min()) == lowest_floor_is_met
        ]
        assert len(scenarios) >= 8
    assert all(max(c.floor for c in p.scenario.classes) <= top1.max() for p in drawn)


def test_each_part_of_a_mixture_is_its_scenario():
    problems = draw_mixture(BASE, 3, 0)
    env = MixtureVecEnv(problems, 6)
    size = PROBLEM.layout.size
    env.seed(5)
    seen = np.asarray(env.reset())
    alone = []
    for i, problem in enumerate(problems):
        part = SushiVecEnv(problem.scenario, 2)
        part.seed(5 + 2 * i)
        assert np.array_equal(seen[2 * i : 2 * i + 2, :size], part.reset())
        assert np.array_equal(seen[2 * i, size:], context_of(problem))
        alone.append(part)
    rng = np.random.default_rng(0)
    for _ in range(60):  # beyond the end of an episode
        actions = rng.integers([6, 16], size=(6, 2))
        stepped = env.step(actions)
        seen, rewards, dones, infos = np.asarray(stepped[0]), *stepped[1:]
        for i, part in enumerate(alone):
            own, _, over, told = part.step(actions[2 * i : 2 * i + 2])
            assert np.array_equal(seen[2 * i : 2 * i + 2, :size], own)
            assert np.array_equal(dones[2 * i : 2 * i + 2], over)
            for k in np.flatnonzero(over):
                assert metrics_in(infos[2 * i + k]) == metrics_in(told[k])
                assert infos[2 * i + k]["terminal_observation"].shape == (seen.shape[1],)
        assert np.isfinite(rewards).all()
    with pytest.raises(InputError, match="n_envs = 7, must be a multiple of the 3 scenarios"):
        MixtureVecEnv(problems, 7)


def test_context_counts_the_same_in_columns_and_bound():
    torch.manual_seed(0)
    other = draw_mixture(BASE, 1, 9)[0]
    network = QueueNetwork(**network_spec(PROBLEM))
    observation = np.random.default_rng(0).random((32, PROBLEM.layout.size), dtype=np.float32)
    columns = np.tile(context_of(other), (32, 1))

    def logits(rows):
        return network.forward_actor(torch.as_tensor(network.planner(rows)))

    shown = logits(np.concatenate([observation, columns], axis=1))
    network.bind(other)
    assert torch.allclose(logits(observation), shown, atol=1e-6)
    network.bind(PROBLEM)
    assert not torch.allclose(logits(observation), shown, atol=1e-4)


def test_a_generalist_trains_and_serves_other_scenarios(tmp_path):
    run = TrainingRun(BASE, "ppo", 9_000, 0, tmp_path, changes=QUICK, mixture=4)
    model = train(run)
    for problem in (PROBLEM, draw_mixture(BASE, 1, 77)[0]):
        agent = load_agent(run.agent_path, problem)
        assert agent.card is not None
        assert len(agent.card.scenarios) == 4
        assert "--mixture 4" in agent.card.training["command"]
        env = SushiVecEnv(problem.scenario, 8)
        env.seed(1)
        observation = env.reset()
        assert np.array_equal(
            agent.predict(observation)[0], as_policy(model, problem).predict(observation)[0]
        )
    other = compile_scenario(get_scenario(OTHER_SHIFT))
    with pytest.raises(InputError, match="was trained on 6 SubNets"):
        load_agent(run.agent_path, other)


def test_a_mixture_resumes_exactly(tmp_path):
    quick = QUICK | {"n_steps": 64}
    whole = TrainingRun(
        BASE, "ppo", 8_192, 2, tmp_path / "a", checkpoint_steps=2_048, changes=quick, mixture=2
    )
    parts = TrainingRun(
        BASE, "ppo", 8_192, 2, tmp_path / "b", checkpoint_steps=2_048, changes=quick, mixture=2
    )
    expected = train(whole).policy.state_dict()
    with pytest.raises(KeyboardInterrupt):
        train(parts, on_progress=_interrupted_after(5_000))
    found = train(parts, resume=True).policy.state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def _interrupted_after(steps: int):
    def on_progress(done: int, _: int) -> None:
        if done > steps:
            raise KeyboardInterrupt

    return on_progress


@pytest.mark.parametrize("cache", ["none", "shared"])
def test_without_the_cache_action_nothing_else_is_ever_cached(tmp_path, cache):
    run = TrainingRun(BASE, "ppo", 4_096, 0, tmp_path, changes=QUICK | {"cache": cache})
    model = train(run)
    env = SushiVecEnv(BASE, 16)
    env.seed(3)
    observation = env.reset()
    agent = load_agent(run.agent_path, PROBLEM)
    wanted = network_spec(PROBLEM, cache=cache)["fixed_subgraph"]
    assert (wanted == 0) == (cache == "none")
    for policy in (agent, model):
        for deterministic in (True, False):
            actions, _ = policy.predict(observation, deterministic=deterministic)
            assert (actions[:, 1] == wanted).all()


def test_what_the_network_is_made_of_is_checked(tmp_path):
    for changes, match in (
        ({"cache": "sometimes"}, "cache = 'sometimes', known: choose, none, shared"),
        ({"cache": "none", "policy": "mlp"}, "cache = 'none': needs policy = 'queue'"),
        ({"policy_kwargs": {"width": 8}}, "unknown key 'width'; known: hidden, critic, sharpness"),
        ({"policy_kwargs": {"hidden": 0}}, "policy_kwargs: hidden"),
        ({"policy_kwargs": {"sharpness": -1.0}}, "policy_kwargs: sharpness"),
        ({"policy_kwargs": 3}, "policy_kwargs = 3: Input should be a valid dict"),
    ):
        with pytest.raises(InputError, match=match):
            train(TrainingRun(BASE, "ppo", 100, 0, tmp_path, changes=changes))


def test_a_mixture_does_not_take_the_settings_of_the_scenario_it_is_drawn_around(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(f"default: {{n_envs: 4}}\nmixture: {{n_envs: 8}}\n{SHIFT}: {{n_envs: 16}}\n")
    scenario = get_scenario(SHIFT)
    alone = TrainingRun(scenario, "ppo", 100, 0, tmp_path, hyperparameter_file=file)
    mixed = TrainingRun(scenario, "ppo", 100, 0, tmp_path, hyperparameter_file=file, mixture=2)
    assert (alone.settings["n_envs"], mixed.settings["n_envs"]) == (16, 8)
