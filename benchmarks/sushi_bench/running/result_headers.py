"""The header of a result file, before anything is run; no code of a policy is executed for it."""

import hashlib
import importlib
import importlib.util
import inspect
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Any

from sushi_accel import __version__
from sushi_accel.files.documents import validate
from sushi_accel.files.reading import file_digest, named
from sushi_agents.heuristics.cache_rules import CACHE_RULES
from sushi_agents.registry import BUILT_IN, GROUP, STATIC
from sushi_agents.zoo import GENERALIST, ZOO, zoo_folder
from sushi_bench.results.files import SCHEMA, Header
from sushi_bench.running.suite_tasks import CLAIRVOYANT
from sushi_bench.suite.suite import Suite

PACKAGES = ("numpy", "numba", "gymnasium")
LEARNING = ("torch", "stable-baselines3", "sb3-contrib")
OURS = "sushi-env"
AGENT_SUFFIXES = (".json", ".safetensors")

CLAIRVOYANT_SAYS = "No scheduler's utility is higher, even one that knows every arrival to come."
ZOO_SAYS = {
    ZOO: "In each scenario the agent that was trained for it.",
    GENERALIST: "One agent per SuperNet, trained on scenarios drawn at random, not on the suite's.",
}


@dataclass(frozen=True)
class Credits:
    """What people say of a policy; None where nothing was said.

    Attributes:
        author: Who made it.
        source: Where it comes from.
        label: What it shall be called.
        description: What it does.
        kind: `heuristic`, `learned`, or `other`.
    """

    author: str | None = None
    source: str | None = None
    label: str | None = None
    description: str | None = None
    kind: str | None = None


def make_header(
    policy: str, suite: Suite, scenarios: Iterable[str], episodes: int | None = None,
    said: Credits | None = None,
) -> Header:  # fmt: skip
    """The header of a policy's result file.

    Args:
        policy: Name of the policy.
        suite: The suite.
        scenarios: Names of the scenarios that are run, any order.
        episodes: Episodes of each; by default the suite's.
        said: What the file shall say of the policy.

    Raises:
        InputError: If `said` holds what a file must not: text too long, or line breaks.
    """
    said, ours = said or Credits(), _ours(policy)
    kind = said.kind or kind_of(policy)
    names = set(scenarios)
    contents = {
        "schema": SCHEMA,
        "suite": suite.version,
        "suite_digest": suite.digest,
        "policy": policy,
        "label": policy if said.label is None else said.label,
        "author": (OURS if ours else "") if said.author is None else said.author,
        "source": ours.get("source", "") if said.source is None else said.source,
        "description": (
            ours.get("description", "") if said.description is None else said.description
        ),
        "kind": kind,
        "versions": _versions(kind),
        "machine": {
            "system": platform.system(),
            "architecture": platform.machine(),
            "processor": _processor(),
        },
        "scenarios": {name: digest for name, digest in suite.digests.items() if name in names},
        "episodes": suite.episodes if episodes is None else episodes,
        "first_seed": suite.first_seed,
    }
    return validate(Header, contents, f"policy {policy!r}")


def kind_of(policy: str) -> str:
    """What kind of policy a name stands for."""
    name, _ = _parts(policy)
    if name == CLAIRVOYANT:
        return "bound"
    if name in BUILT_IN or name.startswith(STATIC):
        return "heuristic"
    file = name.endswith((".zip", ".onnx", *AGENT_SUFFIXES)) or Path(name).is_dir()
    return "learned" if file or name in ZOO_SAYS else "other"


def fingerprint(policy: str) -> str:
    """A digest of the files that a policy is made of, as far as its name tells."""
    name, _ = _parts(policy)
    path, module = Path(name), _module(name)
    files: list[Path] = []
    if name in ZOO_SAYS:
        files = sorted(zoo_folder().glob("*/*.*"))
    elif path.suffix in AGENT_SUFFIXES:
        files = [p for p in map(path.with_suffix, AGENT_SUFFIXES) if p.is_file()]
    elif path.is_file():
        files = [path]
    elif path.is_dir():
        files = sorted(p for p in path.iterdir() if p.is_file())
    elif module is not None:
        local = Path(*module.split(".")).with_suffix(".py")
        files = [local] if local.is_file() else _installed(module)
    digest = hashlib.sha256()
    for file in files:
        digest.update(bytes.fromhex(file_digest(file, named("policy's file", file))))
    return digest.hexdigest()


def _parts(policy: str) -> tuple[str, str]:
    """A policy's own name, and that of the cache rule behind it, as `make_policy` takes them."""
    name, plus, cache = policy.rpartition("+")
    return (name, cache) if plus and cache in CACHE_RULES else (policy, "")


def _module(name: str) -> str | None:
    """The module that a policy's name leads to."""
    if name in BUILT_IN:
        return f"sushi_agents.{BUILT_IN[name].partition(':')[0]}"
    registered = list(entry_points(group=GROUP, name=name))
    if registered:
        return registered[0].module
    return name.partition(":")[0] if ":" in name else None


def _installed(module: str) -> list[Path]:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return []
    found = Path(spec.origin) if spec is not None and spec.origin else None
    return [found] if found is not None and found.is_file() else []


def _ours(policy: str) -> dict[str, str]:
    """Source and description of a policy that comes with the package; empty for others."""
    name, cache = _parts(policy)
    if name == CLAIRVOYANT:
        return {"source": "sushi_agents.clairvoyant", "description": CLAIRVOYANT_SAYS}
    if name in ZOO_SAYS:
        return {"source": "sushi_agents/zoo_agents", "description": ZOO_SAYS[name]}
    where = "heuristics.static:StaticSubNet" if name.startswith(STATIC) else BUILT_IN.get(name)
    if where is None:
        return {}
    module, _, attribute = where.partition(":")
    made_by: Any = getattr(importlib.import_module(f"sushi_agents.{module}"), attribute)
    first = (inspect.getdoc(made_by) or "").split("\n\n")[0]
    says = " ".join(first.split()).replace("`", "").partition(": ")[2]
    says = says[:1].upper() + says[1:] + (f" Caches as {cache}." if cache else "")
    return {"source": f"sushi_agents.{module}", "description": says}


def _versions(kind: str) -> dict[str, str]:
    versions = {OURS: __version__, "python": platform.python_version()}
    for package in PACKAGES + (LEARNING if kind in ("learned", "other") else ()):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def _processor() -> str:
    """The processor's name, if the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
