"""Policies by name: built in, from installed packages, from a module, or from a trained model."""

import importlib
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

from sushi_agents.policy import Policy
from sushi_agents.static import StaticSubNet
from sushi_env import InputError, Problem

GROUP = "sushi.policies"
STATIC = "static-"


def policy_names(problem: Problem) -> list[str]:
    """Names of the policies there are for a scenario: entry points, and one static per SubNet."""
    static = [f"{STATIC}{name}" for name in problem.table.subnet_names]
    return sorted(entry_points(group=GROUP).names) + static


def baseline_names(problem: Problem) -> list[str]:
    """The policies that a trained agent is compared with."""
    static = [f"{STATIC}{name}" for name in problem.table.subnet_names]
    return ["random", "no-sushi", *static, "sushisched-accuracy", "sushisched-latency"]


def make_policy(name: str, problem: Problem, trust: bool = False) -> Policy:
    """Builds the policy that `name` stands for.

    Args:
        name: A registered name; `static-<SubNet>`; `package.module:Callable`, looked up in the
            working directory too; or the path of a model that `sushi train` saved.
        problem: The compiled scenario it will schedule.
        trust: Whether a model file may execute code while it loads.

    Returns:
        The policy.

    Raises:
        InputError: If there is no such policy, it cannot be built, or it needs `trust`.
    """
    if name.startswith(STATIC):
        return StaticSubNet(problem, name.removeprefix(STATIC))
    registered = entry_points(group=GROUP, name=name)
    if registered:
        return _build(name, next(iter(registered)).load, problem)
    if name.endswith(".zip"):
        from sushi_agents.algorithms import load_model  # needs the extra `train`

        return load_model(Path(name), problem, trust)
    module, colon, attribute = name.partition(":")
    if colon and module and attribute:
        return _build(name, lambda: _import(module, attribute), problem)
    known = ", ".join(policy_names(problem))
    raise InputError(
        f"unknown policy {name!r}; known: {known}, or package.module:Class, or a model's .zip"
    )


def _import(module: str, attribute: str) -> Callable[[Problem], Policy]:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        return getattr(importlib.import_module(module), attribute)
    finally:
        sys.path.remove(here)


def _build(name: str, load: Callable[[], Callable[[Problem], Policy]], problem: Problem) -> Policy:
    """Loads a factory and calls it; whatever a stranger's code raises becomes one line."""
    try:
        policy = load()(problem)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"policy {name!r} cannot be built: {type(error).__name__}: {error}"
        ) from error
    if not callable(getattr(policy, "predict", None)):
        raise InputError(f"policy {name!r} has no method predict")
    return policy
