"""Trains with RLlib's PPO, and compares with the baselines.

RLlib pins an older Gymnasium, so it wants an environment of its own: `nox -s rllib` makes one
(`.nox/rllib`) and runs this in it, or

    pip install 'ray[rllib]' torch sushi-env
    python examples/rllib_ppo.py --scenario resnet50-steady --iterations 50
"""

import argparse
import math

import gymnasium
import ray
import torch
from ray.rllib.algorithms.ppo import PPOConfig
from ray.tune.registry import register_env

import sushi_env
from sushi_agents import make_policy, run_episodes

TRAINING_SEED = 2_000_000_000
"""Seeds below are for evaluation."""


def make_env(config):
    """The environment, by its name; RLlib calls this in its own processes."""
    return gymnasium.make("sushi_env:sushi/Serve-v1", scenario=config["scenario"])


class RLlibPolicy:
    """An RLModule's likeliest actions, as a policy."""

    def __init__(self, module, sizes: list[int]):
        self.module, self.sizes = module, sizes

    @torch.no_grad()
    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        """See `sushi_agents.Policy`."""
        out = self.module.forward_inference({"obs": torch.as_tensor(observation)})
        logits = out["action_dist_inputs"].split(self.sizes, dim=-1)
        return torch.stack([part.argmax(dim=-1) for part in logits], dim=-1).numpy(), state


def main() -> None:
    """Trains, and prints utility and reward of the agent and of baselines."""
    parser = argparse.ArgumentParser(description="Trains with RLlib's PPO.")
    parser.add_argument("--scenario", default="resnet50-steady")
    parser.add_argument("--iterations", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)  # small networks: more threads cost more than they save
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    register_env("sushi", make_env)
    config = (
        PPOConfig()
        .environment("sushi", env_config={"scenario": args.scenario})
        .env_runners(num_env_runners=0, num_envs_per_env_runner=16)
        .training(
            train_batch_size_per_learner=4096,
            minibatch_size=512,
            num_epochs=5,
            lr=1e-3,
            gamma=0.97,
            grad_clip=0.5,
            vf_clip_param=1000.0,  # returns are not bounded by RLlib's default of 10
        )
        .debugging(seed=TRAINING_SEED + args.seed)
    )
    algorithm = config.build_algo()
    for n in range(args.iterations):
        mean = algorithm.train()["env_runners"].get("episode_return_mean", math.nan)
        said = "no episode is over" if math.isnan(mean) else f"reward of an episode {mean:.1f}"
        print(f"iteration {n + 1}: {said}")
    problem = sushi_env.compile_scenario(sushi_env.get_scenario(args.scenario))
    sizes = [problem.table.num_subnets, problem.table.num_subgraphs]
    policies = {"rllib": RLlibPolicy(algorithm.get_module(), sizes)}
    for name in ("sushisched-accuracy", "random"):
        policies[name] = make_policy(name, problem)
    for name, policy in policies.items():
        metrics = sushi_env.mean_metrics(run_episodes(problem, policy, episodes=20, seed=0))
        print(f"{name} {metrics.utility:.4f} {metrics.reward:.1f}")
    algorithm.stop()
    ray.shutdown()


if __name__ == "__main__":
    main()
