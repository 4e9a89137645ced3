"""The header of a result file, before anything is run; no code of a policy is executed for it."""

import hashlib
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sushi_accel import __version__
from sushi_accel.files.documents import validate
from sushi_accel.files.reading import file_digest, named
from sushi_agents.registry import named_policy
from sushi_bench.results.files import SCHEMA, Header
from sushi_bench.suite.suite import Suite

PACKAGES = ("numpy", "numba", "gymnasium")
LEARNING = ("torch", "stable-baselines3", "sb3-contrib")
OURS = "sushi-env"


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
        InputError: If there is no such policy, or `said` holds what a file must not: text too
            long, or line breaks.
    """
    said, known = said or Credits(), named_policy(policy)
    kind = said.kind or known.kind
    names = set(scenarios)
    contents = {
        "schema": SCHEMA,
        "suite": suite.version,
        "suite_digest": suite.digest,
        "policy": policy,
        "label": policy if said.label is None else said.label,
        "author": (OURS if known.ours else "") if said.author is None else said.author,
        "source": known.source if said.source is None else said.source,
        "description": known.description if said.description is None else said.description,
        "kind": kind,
        "versions": versions_of(kind),
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


def fingerprint(policy: str) -> str:
    """A digest of the files that a policy is made of, as far as its name tells."""
    digest = hashlib.sha256()
    for file in named_policy(policy).files:
        digest.update(bytes.fromhex(file_digest(file, named("policy's file", file))))
    return digest.hexdigest()


def versions_of(kind: str) -> dict[str, str]:
    """Versions of what computes the results of a policy of some kind, by package."""
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
