"""TorchRL itself on the environments; run by `nox -s torchrl`, in its environment."""

import pytest
import torch
from gymnasium.wrappers import RecordEpisodeStatistics
from torchrl.collectors import Collector
from torchrl.envs import GymEnv, GymWrapper, RewardSum, SerialEnv, TransformedEnv
from torchrl.envs.utils import RandomPolicy, check_env_specs

import sushi_env
from sushi_env.step_info import INFO_KEYS

QUERIES = 12
SHORT = sushi_env.get_scenario("resnet50-busy").replace(queries=QUERIES)
SCENARIO = SHORT.model_dump(mode="json", exclude_none=True)


# Batches are processes of their own, which know the environment by the name of its module.
def make(name: str = "sushi_env:sushi/Serve-v1", **options) -> GymEnv:
    return GymEnv(name, scenario=SCENARIO, **options)


@pytest.mark.parametrize("name", ["sushi_env:sushi/Serve-v1", "sushi_env:sushi/MoServe-v1"])
def test_specs_are_kept_with_every_info_registered(name):
    env = make(name).auto_register_info_dict()
    assert set(INFO_KEYS) <= set(env.observation_spec.keys())
    check_env_specs(env)


@pytest.mark.parametrize("name", ["sushi_env:sushi/Serve-v1", "sushi_env:sushi/MoServe-v1"])
def test_a_batch_keeps_its_specs_over_the_ends_of_its_episodes(name):
    # TorchRL reads the infos of a batch itself, which flat numbers let it do.
    env = make(name, num_envs=3)
    check_env_specs(env)
    rollout = env.rollout(5 * QUERIES, break_when_any_done=False)
    assert rollout.batch_size == torch.Size([3, 5 * QUERIES])
    assert (rollout["next", "done"].squeeze(-1).sum(dim=1) >= 4).all()


def test_each_environment_of_a_batch_sees_what_one_alone_sees():
    torch.manual_seed(0)
    batch = make(num_envs=3)
    batch.set_seed(7)
    one = make()
    one.set_seed(7)
    seen = batch.reset()["observation"]
    torch.testing.assert_close(seen[0], one.reset()["observation"])
    assert not torch.equal(seen[0], seen[1])


def test_collectors_transforms_and_wrapped_environments_work():
    def wrapped() -> TransformedEnv:
        inner = RecordEpisodeStatistics(sushi_env.ServeEnv(SHORT))
        return TransformedEnv(GymWrapper(inner), RewardSum())

    env = SerialEnv(2, wrapped)
    collector = Collector(
        env, RandomPolicy(env.action_spec), frames_per_batch=4 * QUERIES, total_frames=8 * QUERIES
    )
    batches = list(collector)
    assert len(batches) == 2
    returns = batches[1]["next", "episode_reward"][batches[1]["next", "done"]]
    assert len(returns) >= 2
    collector.shutdown()
