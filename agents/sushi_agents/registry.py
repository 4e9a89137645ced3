"""Policies by name: every name is resolved once, to a record of what it stands for."""

import sushi_agents.kinds_of_name as kinds_of_name
from sushi_accel.shown import shown
from sushi_agents.heuristics.cache_rules import CACHE_RULES
from sushi_agents.named_policy import BOUND, HEURISTIC, NamedPolicy
from sushi_agents.policy import Policy
from sushi_env import InputError, Problem


def named_policy(name: str) -> NamedPolicy:
    """What a name stands for; see `make_policy` for the names there are.

    Raises:
        InputError: If it stands for nothing.
    """
    if found := kinds_of_name.find_policy(name):
        return found
    known = ", ".join(one.name for one in known_policies())
    raise InputError(
        f"unknown policy {shown(name)}; known: {known}; any of them with +"
        f"{' or +'.join(CACHE_RULES)}; package.module:Class; or a model's path"
    )


def known_policies(problem: Problem | None = None) -> list[NamedPolicy]:
    """The policies that have names of their own: for a scenario, or for any."""
    names = [name for kind in kinds_of_name.KINDS_OF_NAME for name in kind.names(problem)]
    found = [named_policy(name) for name in dict.fromkeys(names)]
    return [one for one in found if problem is None or one.exists(problem)]


def policy_names(problem: Problem) -> list[str]:
    """Names of the policies there are for a scenario, those of installed packages included.

    The clairvoyant schedule is none of them: it goes by what no policy can know.
    """
    return [found.name for found in known_policies(problem) if found.kind != BOUND]


def baseline_names(problem: Problem) -> list[str]:
    """The heuristics that come with this package: `BUILT_IN`, and one static per SubNet."""
    known = known_policies(problem)
    return [found.name for found in known if found.ours and found.kind == HEURISTIC]


def make_policy(name: str, problem: Problem, trust: bool = False) -> Policy:
    """Builds the policy that `name` stands for.

    Args:
        name: A registered name; `static-<SubNet>`; `zoo`, the trained agent that comes with the
            package for the scenario, and `generalist`, the one for its SuperNet;
            `clairvoyant`, the schedule behind the bound, which only `run_episodes` can play;
            `package.module:Callable`, looked up in the working directory too; the path of an
            agent's `.json`, or of its `.onnx`; the path of a model that `sushi train` saved, or of
            the folder it is in; or any of these with `+cache-...` behind it, a cache rule that
            replaces its choice of SubGraphs.
        problem: The compiled scenario it will schedule.
        trust: Whether a model file may execute code while it loads.

    Returns:
        The policy.

    Raises:
        InputError: If there is no such policy or it needs `trust`.
        PolicyError: If it cannot be built.
    """
    return named_policy(name).build(problem, trust)
