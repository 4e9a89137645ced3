"""Trained schedulers on disk: weights as safetensors, the rest as JSON (extra `train`).

Loading one executes no code.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as pack_tensors

from sushi_accel.files.atomic import replacing
from sushi_accel.files.documents import validate, write_atomically
from sushi_accel.files.json_text import read_json
from sushi_accel.files.reading import named, read_bytes
from sushi_accel.files.versions import Format
from sushi_accel.shown import plain, shown
from sushi_agents.network.network import CRITIC, HIDDEN, SHARPNESS, QueueNetwork
from sushi_agents.network.planning import PLANNED_PARTS
from sushi_agents.network.table_context import context_size
from sushi_agents.policy import Actions, Observations
from sushi_env import InputError, Problem

FORMAT = Format("format", 2, prefix="sushi-agent/")
MAX_FILE_BYTES = 64 * 1024**2
NUMBERS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
"""Types of numbers that a file's weights may have."""

SUFFIXES = (".json", ".safetensors")

Size = Annotated[int, Field(ge=1, le=4096)]
Sharpness = Annotated[float, Field(ge=0.01, le=100)]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class NetworkOptions(_Frozen):
    """What of a network may be chosen: `policy_kwargs` of the policy `queue`."""

    hidden: Size = HIDDEN
    critic: Size = CRITIC
    sharpness: Sharpness = SHARPNESS


class NetworkSpec(_Frozen):
    """Arguments of `QueueNetwork`."""

    num_subnets: Size
    num_subgraphs: Size
    levels: tuple[Annotated[float, Field(ge=0, le=1)], ...]
    context: tuple[Annotated[float, Field(ge=0, le=1e6)], ...]
    hidden: Size
    critic: Size
    sharpness: Sharpness
    fixed_subgraph: Annotated[int, Field(ge=0, le=4096)] | None = None


class AgentCard(_Frozen):
    """What a trained scheduler is and where it comes from.

    Attributes:
        format: Version of this format.
        network: The architecture.
        layout: Beginning and end of each named part of the observation it was trained on.
        scenarios: Digest of each scenario it was trained on, by name.
        training: Algorithm, steps, seed, hyperparameters, and the command that trains it.
        score: Mean metrics on the seeds that chose the weights, and which seeds those are.
    """

    format: Literal["sushi-agent/2"] = "sushi-agent/2"
    network: NetworkSpec
    layout: dict[str, tuple[int, int]]
    scenarios: dict[str, str]
    training: dict[str, Any]
    score: dict[str, float]


def layout_of(problem: Problem) -> dict[str, tuple[int, int]]:
    """Beginning and end of each named part of a scenario's observations."""
    return {name: (part.start, part.stop) for name, part in problem.layout.slices.items()}


class LearnedScheduler:
    """A trained scheduler, as a policy: the best-scored SubNet and SubGraph.

    It computes in double precision and on the CPU, so that neither the size of a batch nor the
    machine decides between two actions.

    Args:
        network: The network; it becomes this scheduler's own.
        problem: The compiled scenario it shall schedule.
        card: What it is; None while it is in training.
    """

    def __init__(self, network: QueueNetwork, problem: Problem, card: AgentCard | None = None):
        self.network, self.card = network.cpu().double().eval(), card
        network.bind(problem)

    @torch.no_grad()
    def predict(
        self,
        observation: Observations,
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[Actions, Any]:
        """Chooses actions; see `Policy.predict`. Always deterministic."""
        seen = self.network.planner(np.atleast_2d(observation), np.float64)
        logits = self.network.forward_actor(torch.as_tensor(seen)).numpy()
        S = self.network.spec["num_subnets"]
        actions = np.stack([logits[:, :S].argmax(axis=1), logits[:, S:].argmax(axis=1)], axis=-1)
        return (actions[0] if np.ndim(observation) == 1 else actions), state


def save_agent(path: Path, network: QueueNetwork, card: AgentCard) -> None:
    """Writes an agent: `path` with the suffixes `.safetensors` and `.json`.

    What values states is left out: it is of no use to a scheduler that has learned.

    Raises:
        InputError: If the files cannot be written.
    """
    tensors = {
        name: tensor.detach().float().contiguous()
        for name, tensor in network.state_dict().items()
        if not name.startswith("value.")
    }
    weights = path.with_suffix(".safetensors")
    with replacing(weights, f"agent {weights}") as part:
        part.write_bytes(pack_tensors(tensors))
    text = json.dumps(card.model_dump(mode="json"), indent=2) + "\n"
    write_atomically(path.with_suffix(".json"), text, f"agent {path}")


def load_agent(path: Path, problem: Problem) -> LearnedScheduler:
    """Reads an agent and checks that it fits a scenario.

    Args:
        path: Either of its two files; the other must lie beside it.
        problem: The compiled scenario it shall schedule.

    Returns:
        The scheduler.

    Raises:
        InputError: If a file is missing, too large, damaged or no agent's, or if the scenario's
            spaces are not those the agent was trained on.
    """
    where = named("agent", path)
    card_path, weights_path = path.with_suffix(".json"), path.with_suffix(".safetensors")
    document = read_json(card_path, named("agent", card_path))
    card = validate(AgentCard, FORMAT.upgraded(document, where), where)
    _check_spaces(card, problem, where)
    spec = card.network
    for name, values, wanted in (
        ("levels", spec.levels, spec.num_subnets),
        ("context", spec.context, context_size(spec.num_subnets, spec.num_subgraphs)),
    ):
        if len(values) != wanted:
            raise InputError(
                f"{where}: network.{name} has {len(values)} values, must have {wanted}"
            )
    packed = read_bytes(weights_path, named("agent", weights_path), MAX_FILE_BYTES)
    network = QueueNetwork(
        **spec.model_dump(), parts=sorted(card.layout, key=lambda name: card.layout[name])
    )
    _load_weights(network, packed, where)
    return LearnedScheduler(network, problem, card)


def _check_spaces(card: AgentCard, problem: Problem, where: str) -> None:
    parts = {name: part.stop - part.start for name, part in problem.layout.slices.items()}
    known = {name: stop - start for name, (start, stop) in card.layout.items()}
    # Parts that it does not know are no matter: it selects its own.
    whole = known.keys() >= set(PLANNED_PARTS)
    if not whole or known != {name: parts.get(name) for name in known}:
        S, G = card.network.num_subnets, card.network.num_subgraphs
        table = problem.table
        raise InputError(
            f"{where}: was trained on {S} SubNets and {G} SubGraphs, scenario "
            f"{problem.scenario.name!r} has {table.num_subnets} and {table.num_subgraphs}, "
            "or its observation is laid out otherwise"
        )


def _load_weights(network: QueueNetwork, packed: bytes, where: str) -> None:
    try:
        tensors = parse_tensors(packed)
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{where}: its .safetensors is damaged ({plain(error)})") from None
    own = {name: tensor for name, tensor in network.state_dict().items() if name[:6] != "value."}
    if set(tensors) != set(own):
        odd = ", ".join(shown(name) for name in sorted(set(tensors) ^ set(own))[:5])
        raise InputError(f"{where}: tensors missing or unknown: {odd}")
    for name, tensor in tensors.items():
        if tensor.shape != own[name].shape:
            raise InputError(
                f"{where}: tensor {name} has shape {tuple(tensor.shape)}, "
                f"must be {tuple(own[name].shape)}"
            )
        if tensor.dtype not in NUMBERS:
            known = ", ".join(str(dtype).removeprefix("torch.") for dtype in NUMBERS)
            raise InputError(f"{where}: tensor {name} is {tensor.dtype}, must be one of {known}")
        if not torch.isfinite(tensor.float()).all():
            raise InputError(f"{where}: tensor {name} holds values that are not finite in float32")
    network.load_state_dict(tensors, strict=False)
