"""A trained agent as an ONNX file (extras `train` and `onnx`).

What is exported is a network that turns observations into scores, and the choice of the best:
the graph takes `observation`, float32 (n, D), and gives `action`, int64 (n, 2), and `scores`. An
agent takes part in one of three ways: it is a torch module; it has one, as `network`, like the
zoo's; or it is a Stable-Baselines3 model without memory. Scores are S of SubNets and G of
SubGraphs, or S * G of pairs.
"""

import contextlib
import io
import json
import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sushi_accel.files.atomic import replacing
from sushi_agents.export.onnx_plans import PlanGraph
from sushi_agents.network.network import QueueNetwork
from sushi_agents.network.queue_policy import PlanExtractor
from sushi_env import InputError, Problem, __version__

OPSET = 18


class ActorScores(nn.Module):
    """The logits of an actor-critic of Stable-Baselines3."""

    def __init__(self, policy: Any):
        super().__init__()
        extractor = policy.pi_features_extractor
        planned = isinstance(extractor, PlanExtractor)
        self.extractor = PlanGraph(extractor.planner, torch.float32) if planned else extractor
        self.latent = policy.mlp_extractor
        self.head = policy.action_net

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        """Logits, shape (n, S + G)."""
        return self.head(self.latent.forward_actor(self.extractor(observation)))


class QScores(nn.Module):
    """The values of a DQN or QR-DQN, of which the latter has quantiles."""

    def __init__(self, network: Any):
        super().__init__()
        self.extractor = network.features_extractor
        self.values = getattr(network, "q_net", None) or network.quantile_net
        self.quantiles = getattr(network, "n_quantiles", 0)

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        """Values of actions, shape (n, S * G)."""
        values = self.values(self.extractor(observation))
        if self.quantiles:
            each = values.shape[1] // self.quantiles
            values = values.reshape(-1, self.quantiles, each).mean(dim=1)
        return values


class ActorOnly(nn.Module):
    """The actor of a network that has a critic beside it, as the zoo's agents have."""

    def __init__(self, network: QueueNetwork):
        super().__init__()
        self.network = network
        self.plan = PlanGraph(network.planner, network.of_subnet.weight.dtype)

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        """Logits, shape (n, S + G)."""
        return self.network.forward_actor(self.plan(observation))


class Chooser(nn.Module):
    """The best SubNet and the best SubGraph, by a network's scores."""

    def __init__(self, network: nn.Module, num_subnets: int, num_subgraphs: int):
        super().__init__()
        self.network, self.S, self.G = network, num_subnets, num_subgraphs
        self.dtype = next((weight.dtype for weight in network.parameters()), torch.float32)

    def forward(self, observation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Actions, int64, shape (n, 2), and the scores they follow from."""
        scores = self.network(observation.to(self.dtype))
        if scores.shape[1] == self.S * self.G:
            best = scores.argmax(dim=1)
            return torch.stack([best // self.G, best % self.G], dim=1), scores
        subnet, subgraph = scores[:, : self.S].argmax(dim=1), scores[:, self.S :].argmax(dim=1)
        return torch.stack([subnet, subgraph], dim=1), scores


def score_network(agent: Any) -> nn.Module:
    """The network by whose scores an agent chooses; see the module.

    Raises:
        InputError: If it has none that can be exported.
    """
    network = agent if isinstance(agent, nn.Module) else getattr(agent, "network", None)
    if isinstance(network, nn.Module):
        return ActorOnly(network) if isinstance(network, QueueNetwork) else network
    policy = getattr(getattr(agent, "model", agent), "policy", None)
    if hasattr(policy, "lstm_actor"):
        raise InputError("an agent with memory (RecurrentPPO) cannot be exported")
    if hasattr(policy, "mlp_extractor") and hasattr(policy, "action_net"):
        return ActorScores(policy)
    for name in ("q_net", "quantile_net"):
        if isinstance(network := getattr(policy, name, None), nn.Module):
            return QScores(network)
    raise InputError(f"a policy of type {type(agent).__name__} has no network to export")


def export_onnx(agent: Any, problem: Problem, path: str | Path) -> None:
    """Writes an agent as an ONNX file, in one step.

    Args:
        agent: A torch module, or a policy that has one; see the module.
        problem: The compiled scenario it schedules.
        path: The file, `.onnx`.

    Raises:
        InputError: If the agent has no network, it does not fit the scenario, or the file cannot
            be written.
    """
    table, size = problem.table, problem.layout.size
    S, G = table.num_subnets, table.num_subgraphs
    chooser = Chooser(score_network(agent), S, G).cpu().eval()
    example = torch.zeros(2, size)
    try:
        with torch.no_grad():
            shape = tuple(chooser.network(example.to(chooser.dtype)).shape)
    except RuntimeError as error:
        raise InputError(f"the network does not take observations of {size}: {error}") from None
    if shape not in ((2, S + G), (2, S * G)):
        raise InputError(f"the network gives {shape[1:]} scores, must be {S} + {G} or {S} * {G}")
    described = {
        "sushi_env": __version__,
        "scenario": problem.scenario.name,
        "scenario_digest": problem.scenario.digest,
        "subnets": json.dumps(table.subnet_names),
        "subgraphs": json.dumps(table.subgraph_names),
    }
    with replacing(path, f"ONNX file {path}") as part:
        part.write_bytes(_graph(chooser, example, described))


def _graph(chooser: nn.Module, example: torch.Tensor, described: dict[str, str]) -> bytes:
    """The serialised graph; what the exporter says on the way is not for users."""
    quiet = logging.getLogger("torch.onnx")
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                chooser,
                (example,),
                input_names=["observation"],
                output_names=["action", "scores"],
                dynamic_shapes={"observation": {0: torch.export.Dim("n", min=1)}},
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
    finally:
        quiet.setLevel(level)
    assert program is not None
    model = program.model_proto
    for key, value in described.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    return model.SerializeToString()
