"""The zoo: trained schedulers that come with the package, for a scenario or a SuperNet."""

from importlib.resources import files
from pathlib import Path

from sushi_accel.files.json_text import read_json
from sushi_agents.policy import Policy
from sushi_env import InputError, Problem, scenario_names
from sushi_env.scenario.suites import SUITE, suite_of

ZOO = "zoo"
"""Name of the policy that is the zoo's agent for a scenario."""

GENERALIST = "generalist"
"""Name of the policy that is the zoo's agent for a SuperNet."""


def zoo_folder() -> Path:
    """Where the agents are: in a folder per suite, named after its scenarios."""
    return Path(str(files("sushi_agents"))) / "zoo_agents"


def zoo_names() -> list[str]:
    """Scenarios for which there is an agent."""
    return [name for name in scenario_names() if _agent_path(name) is not None]


def has_agent(problem: Problem) -> bool:
    """Whether the zoo has an agent trained for exactly this scenario."""
    name = problem.scenario.name
    path = _agent_path(name)
    return path is not None and _trained_on(path, name) == problem.scenario.digest


def zoo_agent(problem: Problem) -> Policy:
    """The agent trained for a scenario.

    Raises:
        InputError: If there is none, or the scenario is not the one it was trained for.
    """
    from sushi_agents.network.learned import load_agent  # needs the extra `train`

    name, asked = problem.scenario.name, problem.scenario.digest
    path = _agent_path(name)
    if path is None:
        known = ", ".join(zoo_names()) or "none"
        raise InputError(f"the zoo has no agent for scenario {name!r}; it has: {known}")
    if (trained := _trained_on(path, name)) != asked:
        raise InputError(
            f"the zoo's agent for {name!r} was trained on another version of it: digest {trained}, "
            f"not {asked}"
        )
    return load_agent(path, problem)


def has_generalist(problem: Problem) -> bool:
    """Whether the zoo has an agent for all scenarios with the SuperNet and spaces of this one."""
    path = _generalist_path(problem)
    if not path.exists():
        return False
    network = read_json(path, f"agent {path}")["network"]
    table = problem.table
    return (network["num_subnets"], network["num_subgraphs"]) == (
        table.num_subnets,
        table.num_subgraphs,
    )


def generalist(problem: Problem) -> Policy:
    """The agent trained on a mixture of scenarios with the SuperNet of this one.

    Raises:
        InputError: If there is none, or the scenario's spaces are not those it was trained on.
    """
    from sushi_agents.network.learned import load_agent  # needs the extra `train`

    path = _generalist_path(problem)
    if not path.exists():
        raise InputError(
            f"the zoo has no generalist for SuperNet {problem.scenario.supernet!r}; it has: "
            f"{', '.join(generalist_names()) or 'none'}"
        )
    return load_agent(path, problem)


def generalist_names() -> list[str]:
    """SuperNets for which there is a generalist."""
    found = (zoo_folder() / SUITE).glob(f"{GENERALIST}-*.json")
    return sorted(path.stem.removeprefix(f"{GENERALIST}-") for path in found)


def _agent_path(name: str) -> Path | None:
    """The agent of the scenario called `name`, if there is one."""
    found = suite_of(name)
    path = found and zoo_folder() / found[0] / f"{found[1]}.json"
    return path if path and path.exists() else None


def _generalist_path(problem: Problem) -> Path:
    return zoo_folder() / SUITE / f"{GENERALIST}-{Path(problem.scenario.supernet).stem}.json"


def _trained_on(path: Path, name: str) -> str | None:
    return read_json(path, f"agent {path}")["scenarios"].get(name)
