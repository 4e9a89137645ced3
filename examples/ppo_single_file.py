"""PPO in one file, in the manner of CleanRL: everything it does stands here (extra `train`).

    python examples/ppo_single_file.py --scenario resnet50-steady --steps 1000000

Training steps Gymnasium's native vector environment; the agent is then compared with the
baselines on held-out episodes. To train for use rather than to read, see `sushi train`.
"""

import argparse

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from torch import nn
from torch.distributions import Categorical

import sushi_env
from sushi_agents import make_policy, run_episodes

TRAINING_SEED = 2_000_000_000
"""Seeds below are for evaluation."""


def layer(inputs: int, outputs: int, gain: float = np.sqrt(2)) -> nn.Linear:
    """A linear layer with orthogonal weights."""
    made = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(made.weight, gain)
    nn.init.zeros_(made.bias)
    return made


class Agent(nn.Module):
    """An actor for SubNet and SubGraph, and a critic."""

    def __init__(self, observed: int, sizes: list[int], width: int = 128):
        super().__init__()
        self.sizes = sizes
        self.actor = nn.Sequential(
            layer(observed, width), nn.Tanh(), layer(width, width), nn.Tanh(),
            layer(width, sum(sizes), 0.01),
        )  # fmt: skip
        self.critic = nn.Sequential(
            layer(observed, width), nn.Tanh(), layer(width, width), nn.Tanh(), layer(width, 1, 1.0)
        )

    def choices(self, observation: torch.Tensor) -> list[Categorical]:
        """The distributions over SubNets and over SubGraphs."""
        logits = self.actor(observation).split(self.sizes, dim=-1)
        return [Categorical(logits=part) for part in logits]

    def judge(self, observation, action) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Log-probability of actions, entropy, and value; each of shape (n,)."""
        choices = self.choices(observation)
        logprob = sum(c.log_prob(a) for c, a in zip(choices, action.unbind(-1), strict=True))
        entropy = sum(c.entropy() for c in choices)
        return torch.as_tensor(logprob), torch.as_tensor(entropy), self.value(observation)

    def value(self, observation: torch.Tensor) -> torch.Tensor:
        """What the critic expects, shape (n,)."""
        return self.critic(observation).squeeze(-1)

    @torch.no_grad()
    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        """The likeliest actions; see `sushi_agents.Policy`."""
        choices = self.choices(torch.as_tensor(observation))
        return torch.stack([c.logits.argmax(dim=-1) for c in choices], dim=-1).numpy(), state


def train(args: argparse.Namespace) -> Agent:
    """PPO with generalised advantages and clipped updates."""
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)  # small networks: more threads cost more than they save
    envs = gymnasium.make_vec(
        "sushi_env:sushi/Serve-v1",
        num_envs=args.envs,
        vectorization_mode="vector_entry_point",
        scenario=args.scenario,
        autoreset_mode=AutoresetMode.SAME_STEP,
    )
    assert isinstance(envs.single_action_space, gymnasium.spaces.MultiDiscrete)
    assert envs.single_observation_space.shape
    sizes = envs.single_action_space.nvec.tolist()
    agent = Agent(envs.single_observation_space.shape[0], sizes)
    optimiser = torch.optim.Adam(agent.parameters(), lr=args.lr, eps=1e-5)

    N, T = args.envs, args.rollout
    seen = torch.zeros(T, N, agent.actor[0].in_features)
    actions = torch.zeros(T, N, 2, dtype=torch.long)
    logprobs, rewards, values, ended = (torch.zeros(T, N) for _ in range(4))
    observation, _ = envs.reset(seed=TRAINING_SEED + args.seed * 2**16)
    updates = max(args.steps // (N * T), 1)
    for update in range(updates):
        optimiser.param_groups[0]["lr"] = args.lr * (1 - update / updates)

        earned = 0.0
        for t in range(T):
            seen[t] = torch.as_tensor(observation)
            with torch.no_grad():
                actions[t] = torch.stack([c.sample() for c in agent.choices(seen[t])], dim=-1)
                logprobs[t], _, values[t] = agent.judge(seen[t], actions[t])
            observation, reward, _, truncated, info = envs.step(actions[t].numpy())
            earned += reward.mean() / T
            rewards[t], ended[t] = torch.as_tensor(reward), torch.as_tensor(truncated)
            if truncated.any():  # a time limit: what would have followed counts
                last = np.stack(info["final_obs"][truncated])
                with torch.no_grad():
                    rewards[t, truncated] += args.gamma * agent.value(torch.as_tensor(last))

        with torch.no_grad():
            following = agent.value(torch.as_tensor(observation))
        advantages, ahead = torch.zeros(T, N), torch.zeros(N)
        for t in reversed(range(T)):
            going = 1 - ended[t]
            delta = rewards[t] + args.gamma * following * going - values[t]
            ahead = delta + args.gamma * args.gae_lambda * going * ahead
            advantages[t], following = ahead, values[t]
        returns = advantages + values

        batch = [x.flatten(0, 1) for x in (seen, actions, logprobs, advantages, returns)]
        for _ in range(args.epochs):
            for picked in torch.split(torch.randperm(N * T), args.minibatch):
                o, a, old, advantage, target = (x[picked] for x in batch)
                logprob, entropy, value = agent.judge(o, a)
                ratio = (logprob - old).exp()
                advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
                clipped = ratio.clamp(1 - args.clip, 1 + args.clip)
                policy_loss = -torch.min(ratio * advantage, clipped * advantage).mean()
                value_loss = 0.5 * (value - target).square().mean()
                loss = policy_loss + 0.5 * value_loss - args.entropy * entropy.mean()
                optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
                optimiser.step()
        if (update + 1) % max(updates // 10, 1) == 0:
            print(f"step {(update + 1) * N * T}: reward of a step {earned:.4f}")
    envs.close()
    return agent


def main() -> None:
    """Trains, and prints utility and reward of the agent and of baselines."""
    parser = argparse.ArgumentParser(description="PPO in one file.")
    parser.add_argument("--scenario", default="resnet50-steady")
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--envs", type=int, default=128)
    parser.add_argument("--rollout", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--minibatch", type=int, default=1024)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--gamma", type=float, default=0.97)
    parser.add_argument("--gae-lambda", type=float, default=0.95)
    parser.add_argument("--clip", type=float, default=0.2)
    parser.add_argument("--entropy", type=float, default=0.005)
    args = parser.parse_args()
    agent = train(args)
    problem = sushi_env.compile_scenario(sushi_env.get_scenario(args.scenario))
    policies = {"ppo": agent}
    for name in ("sushisched-accuracy", "random"):
        policies[name] = make_policy(name, problem)
    for name, policy in policies.items():
        metrics = sushi_env.mean_metrics(run_episodes(problem, policy, episodes=20, seed=0))
        print(f"{name} {metrics.utility:.4f} {metrics.reward:.1f}")


if __name__ == "__main__":
    main()
