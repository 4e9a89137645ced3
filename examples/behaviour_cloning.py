"""Clones a scheduler from a Minari dataset of what it did (extras `train` and `record`).

    sushi record --scenario resnet50-busy --policy slackfit --episodes 40 --out data/slackfit-v0
    python examples/behaviour_cloning.py data/slackfit-v0

The network never sees the environment: it learns SlackFit's SubNets and SubGraphs from the
dataset alone, and is then compared with it, and with chance, on episodes that are not in it.
"""

import argparse

import minari
import numpy as np
import torch
from torch import nn

import sushi_env
from sushi_agents import make_policy, run_episodes


def read(path: str) -> tuple[minari.MinariDataset, torch.Tensor, torch.Tensor]:
    """A dataset, and its observations, (n, D), and actions, (n, 2)."""
    dataset = minari.MinariDataset(f"{path}/data")
    episodes = list(dataset.iterate_episodes())
    observations = np.concatenate([episode.observations[:-1] for episode in episodes])
    actions = np.concatenate([episode.actions for episode in episodes])
    return dataset, torch.as_tensor(observations), torch.as_tensor(actions)


class Clone:
    """A network's best SubNet and SubGraph, as a policy."""

    def __init__(self, network: nn.Module, num_subnets: int):
        self.network, self.num_subnets = network, num_subnets

    @torch.no_grad()
    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        """See `sushi_agents.Policy`."""
        scores = self.network(torch.as_tensor(observation))
        S = self.num_subnets
        chosen = [scores[..., :S].argmax(dim=-1), scores[..., S:].argmax(dim=-1)]
        return torch.stack(chosen, dim=-1).numpy(), state


def clone(
    observations: torch.Tensor, actions: torch.Tensor, sizes: list[int], epochs: int
) -> nn.Module:
    """Fits a network to actions by the cross-entropy of both choices."""
    S, G = sizes
    network = nn.Sequential(
        nn.Linear(observations.shape[1], 128), nn.ReLU(),
        nn.Linear(128, 128), nn.ReLU(),
        nn.Linear(128, S + G),
    )  # fmt: skip
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    loss_of = nn.CrossEntropyLoss()
    for _ in range(epochs):
        for batch in torch.split(torch.randperm(len(observations)), 512):
            scores = network(observations[batch])
            loss = loss_of(scores[:, :S], actions[batch, 0])
            loss = loss + loss_of(scores[:, S:], actions[batch, 1])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return network


def main() -> None:
    """Clones, and prints what each policy is worth."""
    parser = argparse.ArgumentParser(description="Clones a scheduler from a Minari dataset.")
    parser.add_argument("dataset", help="the folder that `sushi record` wrote")
    parser.add_argument("--epochs", type=int, default=20)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)  # a small network: more threads cost more than they save
    dataset, observations, actions = read(arguments.dataset)
    env = dataset.recover_environment()
    assert isinstance(env.unwrapped, sushi_env.ServeEnv)
    problem = env.unwrapped.problem
    sizes = [problem.table.num_subnets, problem.table.num_subgraphs]
    network = clone(observations, actions, sizes, arguments.epochs)
    expert = str(dataset.storage.metadata["algorithm_name"])
    policies = {
        "clone": Clone(network, sizes[0]),
        expert: make_policy(expert, problem),
        "random": make_policy("random", problem),
    }
    for name, policy in policies.items():
        metrics = sushi_env.mean_metrics(run_episodes(problem, policy, episodes=20, seed=0))
        print(f"{name} {metrics.utility:.4f} {metrics.reward:.1f}")


if __name__ == "__main__":
    main()
