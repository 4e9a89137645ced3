"""The kinds of name that policies have: the one place where a new kind is added.

Lists, result files, digests of what is run, and messages follow from the records made here.
"""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from sushi_accel import get_supernet, supernet_names
from sushi_accel.shown import shown
from sushi_agents.heuristics.cache_rules import CACHE_RULES, Combined
from sushi_agents.named_policy import BOUND, HEURISTIC, LEARNED, OTHER, KindOfName, NamedPolicy
from sushi_agents.policy import Policy, PolicyError, their_code
from sushi_agents.zoo import (
    GENERALIST,
    SUITE,
    ZOO,
    generalist,
    generalist_names,
    has_agent,
    has_generalist,
    zoo_agent,
    zoo_folder,
    zoo_names,
)
from sushi_env import InputError, Problem

GROUP = "sushi.policies"
STATIC = "static-"
CLAIRVOYANT = "clairvoyant"
AGENT_SUFFIXES = (".json", ".safetensors")

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


def find_policy(name: str) -> NamedPolicy | None:
    """What a name stands for; None if nothing."""
    return next((found for kind in KINDS_OF_NAME if (found := kind.find(name))), None)


def _combined(name: str) -> NamedPolicy | None:
    """`<policy>+<cache rule>`."""
    inner_name, plus, cache = name.rpartition("+")
    inner = find_policy(inner_name) if plus and cache in CACHE_RULES else None
    if inner is None:
        return None
    if inner.kind == BOUND:
        raise InputError(f"policy {shown(name)}: the clairvoyant schedule has its own caches")
    rule = CACHE_RULES[cache]

    def describe() -> str:
        return f"{inner.description} Caches as {cache}." if inner.description else ""

    def build(problem: Problem, trust: bool) -> Policy:
        return Combined(problem, inner.build(problem, trust), rule)

    return replace(inner, name=name, build=build, describe=describe)


def _ours(name: str, where: str, argument: str = "") -> NamedPolicy:
    """A rule of this package: its class, and what it is told besides the scenario."""
    module, _, attribute = where.partition(":")
    module = f"sushi_agents.{module}"
    told = [argument] if argument else []

    def made_by() -> Any:
        return getattr(importlib.import_module(module), attribute)

    def describe() -> str:
        first = (inspect.getdoc(made_by()) or "").split("\n\n")[0]
        says = " ".join(first.split()).replace("`", "").partition(": ")[2]
        return says[:1].upper() + says[1:]

    return NamedPolicy(
        name,
        HEURISTIC,
        lambda problem, trust: made_by()(problem, *told),
        source=module,
        ours=True,
        describe=describe,
        find_files=lambda: _module_files(module),
    )


def _built_in(name: str) -> NamedPolicy | None:
    return _ours(name, BUILT_IN[name]) if name in BUILT_IN else None


def _static(name: str) -> NamedPolicy | None:
    """`static-<SubNet>`."""
    if not name.startswith(STATIC):
        return None
    subnet = name.removeprefix(STATIC)
    nets = [net.name for net in map(get_supernet, supernet_names()) if subnet in _subnets(net)]
    return replace(
        _ours(name, "heuristics.static:StaticSubNet", subnet),
        where=f"SuperNet {', '.join(nets)}" if nets else "SuperNets with such a SubNet",
        exists=lambda problem: subnet in problem.table.subnet_names,
        find_files=list,
    )


def _subnets(net: Any) -> list[str]:
    return [subnet.name for subnet in net.subnets]


def _static_names(problem: Problem | None) -> list[str]:
    if problem is not None:
        return [f"{STATIC}{subnet}" for subnet in problem.table.subnet_names]
    nets = map(get_supernet, supernet_names())
    return [f"{STATIC}{subnet}" for net in nets for subnet in _subnets(net)]


def _clairvoyant(name: str) -> NamedPolicy | None:
    if name != CLAIRVOYANT:
        return None
    says = "No scheduler's utility is higher, even one that knows every arrival to come."
    return replace(
        _ours(name, "clairvoyant.schedule:ClairvoyantSchedule"),
        kind=BOUND,
        source="sushi_agents.clairvoyant",
        describe=lambda: says,
        find_files=list,
    )


def _zoo(name: str) -> NamedPolicy | None:
    if name != ZOO:
        return None
    return _agent_of_ours(
        name,
        zoo_agent,
        has_agent,
        f"suite {SUITE}: {len(zoo_names())} scenarios",
        "In each scenario the agent that was trained for it.",
    )


def _generalist(name: str) -> NamedPolicy | None:
    if name != GENERALIST:
        return None
    return _agent_of_ours(
        name,
        generalist,
        has_generalist,
        f"SuperNet {', '.join(generalist_names())}",
        "One agent per SuperNet, trained on scenarios drawn at random, not on the suite's.",
    )


def _agent_of_ours(
    name: str, load: Factory, exists: Callable[[Problem], bool], where: str, says: str
) -> NamedPolicy:
    def build(problem: Problem, trust: bool) -> Policy:
        with _extra_train():
            return load(problem)

    return NamedPolicy(
        name,
        LEARNED,
        build,
        source="sushi_agents/zoo_agents",
        ours=True,
        where=where,
        exists=exists,
        describe=lambda: says,
        find_files=lambda: sorted(zoo_folder().glob("*/*.*")),
    )


def _plugin(name: str) -> NamedPolicy | None:
    """What an installed package registers in the group `sushi.policies`."""
    entries: list[EntryPoint] = list(entry_points(group=GROUP, name=name))
    if not entries:
        return None

    def build(problem: Problem, trust: bool) -> Policy:
        if len(entries) > 1:
            values = ", ".join(sorted(entry.value for entry in entries))
            raise InputError(f"policy {shown(name)} is registered more than once: {values}")
        return _build(name, entries[0].load, problem)

    return NamedPolicy(name, OTHER, build, find_files=lambda: _module_files(entries[0].module))


def _file(name: str) -> NamedPolicy | None:
    """The path of an exported or trained policy; `ALGO:PATH` for a zip that has another name."""
    algo, colon, rest = name.partition(":")
    named_algo = colon and algo.isidentifier() and Path(rest).suffix == ".zip"
    path = Path(rest if named_algo else name)
    if path.suffix == ".onnx":

        def build(problem: Problem, trust: bool) -> Policy:
            from sushi_agents.export.onnx_policy import OnnxPolicy  # needs the extra `onnx`

            return OnnxPolicy(name, problem)

    elif path.suffix in AGENT_SUFFIXES:

        def build(problem: Problem, trust: bool) -> Policy:
            with _extra_train():
                from sushi_agents.network.learned import load_agent

                return load_agent(path, problem)

    elif path.suffix == ".zip" or path.is_dir():

        def build(problem: Problem, trust: bool) -> Policy:
            with _extra_train():
                from sushi_agents.learning.algorithms import load_model

                return load_model(_model_file(path), problem, trust, algo if named_algo else None)

    else:
        return None

    def find_files() -> list[Path]:
        if path.is_dir():
            return sorted(one for one in path.iterdir() if one.is_file())
        both = [path.with_suffix(suffix) for suffix in AGENT_SUFFIXES]
        return [one for one in (both if path in both else [path]) if one.is_file()]

    return NamedPolicy(name, LEARNED, build, find_files=find_files)


def _module(name: str) -> NamedPolicy | None:
    """`package.module:Callable`."""
    module, colon, attribute = name.partition(":")
    if not (colon and module and attribute):
        return None
    local = Path(*module.split(".")).with_suffix(".py")
    return NamedPolicy(
        name,
        OTHER,
        lambda problem, trust: _build(name, lambda: _import(module, attribute), problem),
        find_files=lambda: [local] if local.is_file() else _module_files(module),
    )


KINDS_OF_NAME = (
    KindOfName(_combined),
    KindOfName(_built_in, lambda problem: list(BUILT_IN)),
    KindOfName(_static, _static_names),
    KindOfName(_clairvoyant, lambda problem: [CLAIRVOYANT]),
    KindOfName(_zoo, lambda problem: [ZOO]),
    KindOfName(_generalist, lambda problem: [GENERALIST]),
    KindOfName(_plugin, lambda problem: sorted(entry_points(group=GROUP).names)),
    KindOfName(_file),
    KindOfName(_module),
)
"""Every kind; of two that know a name the first one has it."""


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
        found = ", ".join(shown(p.name) for p in models) or "none"
        raise InputError(f"folder {path}: must hold exactly one model .zip, holds {found}")
    return models[0]


def _module_files(module: str) -> list[Path]:
    """The file of an installed module, if it is found."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return []
    found = Path(spec.origin) if spec is not None and spec.origin else None
    return [found] if found is not None and found.is_file() else []


def _import(module: str, attribute: str) -> Factory:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        return getattr(importlib.import_module(module), attribute)
    finally:
        sys.path.remove(here)


def _build(name: str, load: Callable[[], Factory], problem: Problem) -> Policy:
    """Loads a factory and calls it; whatever a stranger's code raises becomes one line."""
    with their_code(f"policy {shown(name)} cannot be built"):
        policy = load()(problem)
        able = callable(getattr(policy, "predict", None))
    if not able:
        raise PolicyError(f"policy {shown(name)} has no method predict")
    return policy
