"""Suites: versioned lists of scenarios, frozen by digest."""

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from sushi_accel.files.documents import validate
from sushi_accel.files.yaml_text import read_yaml
from sushi_env import InputError, Scenario, get_scenario
from sushi_env.scenario.suites import in_suite, suite_folder


class SuiteFile(BaseModel):
    """A suite's `suite.yaml`.

    Attributes:
        episodes: Episodes of each scenario on which policies are ranked.
        first_seed: Seed of the first of them; the others follow.
        scenarios: Digest of each scenario, by its name without the suite's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    episodes: Annotated[int, Field(ge=1)]
    first_seed: Annotated[int, Field(ge=0)]
    scenarios: Annotated[dict[str, str], Field(min_length=1)]


@dataclass(frozen=True)
class Suite:
    """A list of scenarios on which policies are ranked.

    Attributes:
        version: Its name.
        digests: Digest of each scenario, by name. A scenario that changes makes a new version.
        episodes: Episodes of each scenario.
        first_seed: Seed of the first of them; the others follow.
    """

    version: str
    digests: dict[str, str]
    episodes: int
    first_seed: int

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of the names and digests of its scenarios, and of the seeds."""
        lines = [f"{name} {digest}" for name, digest in sorted(self.digests.items())]
        lines.append(f"{self.episodes} episodes from seed {self.first_seed}")
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def scenarios(self) -> dict[str, Scenario]:
        """The scenarios, in order.

        Raises:
            InputError: If one is not what it was when the suite was frozen.
        """
        found = {}
        for name, digest in self.digests.items():
            scenario = get_scenario(name)
            if scenario.digest != digest:
                raise InputError(
                    f"suite {self.version}: scenario {name} has the digest {scenario.digest}, "
                    f"must be {digest}: a changed scenario needs a new version of the suite"
                )
            found[name] = scenario
        return found


@cache
def get_suite(version: str) -> Suite:
    """The suite of a version.

    Raises:
        InputError: If there is none, or its file is not such a file.
    """
    where = f"suite {version}"
    found = validate(SuiteFile, read_yaml(suite_folder(version) / "suite.yaml", where), where)
    digests = {in_suite(stem, version): digest for stem, digest in found.scenarios.items()}
    return Suite(version, digests, found.episodes, found.first_seed)
