"""The zoo: trained schedulers that come with the package, one per scenario."""

from importlib.resources import files
from pathlib import Path

from sushi_agents.policy import Policy
from sushi_env import InputError, Problem

ZOO = "zoo"
"""Name of the policy that is the zoo's agent for a scenario."""


def zoo_folder() -> Path:
    """Where the agents are."""
    return Path(str(files("sushi_agents"))) / "zoo_agents"


def zoo_names() -> list[str]:
    """Scenarios for which there is an agent."""
    return sorted(path.stem for path in zoo_folder().glob("*.safetensors"))


def zoo_agent(problem: Problem) -> Policy:
    """The agent trained for a scenario.

    Raises:
        InputError: If there is none, or the scenario is not the one it was trained for.
    """
    from sushi_agents.learned import load_agent  # needs the extra `train`

    name = problem.scenario.name
    if name not in zoo_names():
        known = ", ".join(zoo_names()) or "none"
        raise InputError(f"the zoo has no agent for scenario {name!r}; it has: {known}")
    agent = load_agent(zoo_folder() / f"{name}.json", problem)
    trained, asked = agent.card.scenarios.get(name), problem.scenario.digest
    if trained != asked:
        raise InputError(
            f"the zoo's agent for {name!r} was trained on another version of it: digest {trained}, "
            f"not {asked}"
        )
    return agent
