"""Policies by name: built in, from installed packages, from a module, or from a trained model."""

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path

from sushi_agents.heuristics.cache_rules import CACHE_RULES, Combined
from sushi_agents.heuristics.static import StaticSubNet
from sushi_agents.policy import Policy, PolicyError
from sushi_agents.zoo import GENERALIST, ZOO, generalist, has_agent, has_generalist, zoo_agent
from sushi_env import InputError, Problem

GROUP = "sushi.policies"
STATIC = "static-"

BUILT_IN = {
    "random": "heuristics.random_policy:RandomPolicy",
    "no-sushi": "heuristics.subnet_policies:NoSushi",
    "state-unaware": "heuristics.subnet_policies:StateUnaware",
    "sushisched-accuracy": "heuristics.sushisched:SushiSchedAccuracy",
    "sushisched-latency": "heuristics.sushisched:SushiSchedLatency",
    "cache-last": "heuristics.subnet_policies:CacheLast",
    "cache-frequent": "heuristics.subnet_policies:CacheFrequent",
    "max-accuracy": "heuristics.subnet_policies:MaxAccuracy",
    "min-latency": "heuristics.subnet_policies:MinLatency",
    "infaas": "heuristics.subnet_policies:Infaas",
    "slackfit": "heuristics.slackfit:SlackFit",
    "model-switching": "heuristics.model_switching:ModelSwitching",
    "time-sharing": "heuristics.time_sharing:TimeSharing",
    "lookahead": "heuristics.lookahead:Lookahead",
}
"""The baselines and where they are, in `sushi_agents`; a name here cannot be taken by others."""

Factory = Callable[[Problem], Policy]


def policy_names(problem: Problem) -> list[str]:
    """Names of the policies there are for a scenario, those of installed packages included."""
    plugins = set(entry_points(group=GROUP).names) - set(BUILT_IN) - {ZOO, GENERALIST}
    learned = [ZOO] if has_agent(problem) else []
    learned += [GENERALIST] if has_generalist(problem) else []
    return baseline_names(problem) + learned + sorted(plugins)


def baseline_names(problem: Problem) -> list[str]:
    """The policies that come with this package: one static per SubNet, and `BUILT_IN`."""
    return list(BUILT_IN) + [f"{STATIC}{name}" for name in problem.table.subnet_names]


def make_policy(name: str, problem: Problem, trust: bool = False) -> Policy:
    """Builds the policy that `name` stands for.

    Args:
        name: A registered name; `static-<SubNet>`; `zoo`, the trained agent that comes with the
            package for the scenario, and `generalist`, the one for its SuperNet;
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
    subnets, plus, cache = name.rpartition("+")
    if plus and cache in CACHE_RULES:
        return Combined(problem, make_policy(subnets, problem, trust), CACHE_RULES[cache])
    if name.startswith(STATIC):
        return StaticSubNet(problem, name.removeprefix(STATIC))
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        return getattr(importlib.import_module(f"sushi_agents.{module}"), attribute)(problem)
    if name in (ZOO, GENERALIST):
        with _extra_train():
            return zoo_agent(problem) if name == ZOO else generalist(problem)
    registered = list(entry_points(group=GROUP, name=name))
    if len(registered) > 1:
        values = ", ".join(sorted(entry.value for entry in registered))
        raise InputError(f"policy {name!r} is registered more than once: {values}")
    if registered:
        return _build(name, registered[0].load, problem)
    if name.endswith(".onnx"):
        from sushi_agents.export.onnx_policy import OnnxPolicy  # needs the extra `onnx`

        return OnnxPolicy(name, problem)
    if name.endswith((".json", ".safetensors")):
        with _extra_train():
            from sushi_agents.network.learned import load_agent

            return load_agent(Path(name), problem)
    if name.endswith(".zip") or Path(name).is_dir():
        with _extra_train():
            from sushi_agents.learning.algorithms import load_model

            return load_model(_model_file(Path(name)), problem, trust)
    module, colon, attribute = name.partition(":")
    if colon and module and attribute:
        return _build(name, lambda: _import(module, attribute), problem)
    known = ", ".join(policy_names(problem))
    raise InputError(
        f"unknown policy {name!r}; known: {known}; any of them with +"
        f"{' or +'.join(CACHE_RULES)}; package.module:Class; or a model's path"
    )


@contextmanager
def _extra_train() -> Iterator[None]:
    """Says what to install where a learned policy's libraries are missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise InputError(
            f"learned policies need {error.name!r}: pip install 'sushi-env[train]'"
        ) from None


def _model_file(path: Path) -> Path:
    """The model that a path means: itself, or the only one in a folder, checkpoints apart."""
    if not path.is_dir():
        return path
    models = sorted(p for p in path.glob("*.zip") if not p.stem.endswith("-checkpoint"))
    if len(models) != 1:
        found = ", ".join(p.name for p in models) or "none"
        raise InputError(f"folder {path}: must hold exactly one model .zip, holds {found}")
    return models[0]


def _import(module: str, attribute: str) -> Factory:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        return getattr(importlib.import_module(module), attribute)
    finally:
        sys.path.remove(here)


def _build(name: str, load: Callable[[], Factory], problem: Problem) -> Policy:
    """Loads a factory and calls it; whatever a stranger's code raises becomes one line."""
    try:
        policy = load()(problem)
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise PolicyError(
            f"policy {name!r} cannot be built: {type(error).__name__}: {error}"
        ) from error
    if not callable(getattr(policy, "predict", None)):
        raise PolicyError(f"policy {name!r} has no method predict")
    return policy
