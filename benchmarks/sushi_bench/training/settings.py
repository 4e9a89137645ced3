"""Which agents are trained, and how: `training.yaml` of a suite, or a file of one's own."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from sushi_accel.files.documents import validate
from sushi_accel.files.yaml_text import read_yaml
from sushi_agents.learning.settings import hyperparameters
from sushi_agents.zoo import GENERALIST
from sushi_bench.suite.suite import Suite
from sushi_env import InputError, get_scenario
from sushi_env.scenario.suites import in_suite, suite_folder

_STRICT = ConfigDict(extra="forbid", frozen=True)
Positive = Annotated[int, Field(ge=1)]


class Options(BaseModel):
    """Options of `sushi train`, by their names; what is not said is as `sushi train` has it."""

    model_config = _STRICT

    algo: str | None = None
    steps: Positive | None = None
    seed: Annotated[int, Field(ge=0)] | None = None
    mixture: Positive | None = None
    episodes: Positive | None = None
    checkpoint_steps: Positive | None = None
    evaluation_steps: Positive | None = None
    hyperparameters: dict[str, Any] = {}


class Generalist(Options):
    """An agent for a SuperNet: trained on scenarios drawn around one of the suite's."""

    scenario: str


class Zoo(BaseModel):
    """An agent per scenario of the suite, and generalists.

    Attributes:
        every: What holds for every run.
        scenarios: What differs, by scenario.
        generalists: Agents for more than one scenario, by SuperNet.
    """

    model_config = _STRICT

    every: Options
    scenarios: dict[str, Options] = {}
    generalists: dict[str, Generalist] = {}


class Curves(BaseModel):
    """Agents of several kinds, over several seeds, whose learning curves are drawn.

    Attributes:
        every: What holds for every run.
        seeds: Seeds of each kind.
        scenarios: The scenario of each group of runs, by the group's name.
        kinds: What sets the kinds apart.
        pictures: Kinds whose curves are drawn together, by the picture's name.
    """

    model_config = _STRICT

    every: Options
    seeds: Annotated[list[int], Field(min_length=1)]
    scenarios: dict[str, str]
    kinds: dict[str, Options]
    pictures: dict[str, list[str]] = {}


class TrainingSettings(BaseModel):
    """What `training.yaml` holds."""

    model_config = _STRICT

    zoo: Zoo
    curves: Curves | None = None


@dataclass(frozen=True)
class Run:
    """A run of `sushi train`.

    Attributes:
        name: Its folder, below that of all.
        scenario: Name of the scenario.
        options: What it is called with.
    """

    name: str
    scenario: str
    options: Options

    def arguments(self) -> list[str]:
        """What follows `sushi train`, but for the folder."""
        given = ["--scenario", self.scenario]
        for key, value in self.options.model_dump(exclude_none=True).items():
            if key == "hyperparameters":
                given += [
                    part for k, v in value.items() for part in ("--hyper", f"{k}={json.dumps(v)}")
                ]
            else:
                given += [f"--{key.replace('_', '-')}", str(value)]
        return given

    def identity(self) -> dict[str, Any]:
        """What `sushi train` says in `run.json` of the runs that are this one."""
        scenario, options = get_scenario(self.scenario), self.options
        mixture = options.mixture or 0
        said = {"algo": options.algo, "steps": options.steps, "seed": options.seed}
        return {key: value for key, value in said.items() if value is not None} | {
            "scenario_digest": scenario.digest,
            "mixture": mixture,
            "hyperparameters": hyperparameters(
                options.algo or "ppo", scenario, None, options.hyperparameters, mixture > 0
            ),
        }


def read_settings(suite: str, file: Path | None = None) -> TrainingSettings:
    """The training settings of a suite, or those of another file.

    Raises:
        InputError: If there is no such suite, or the file is not such a file.
    """
    path = file or suite_folder(suite) / "training.yaml"
    where = f"training settings {path}"
    return validate(TrainingSettings, read_yaml(path, where), where)


def zoo_runs(settings: TrainingSettings, suite: Suite) -> list[Run]:
    """The runs of the zoo; each is named as its agent's file is.

    Raises:
        InputError: If the settings name a scenario that the suite has not.
    """
    zoo, stems = settings.zoo, [_stem(name, suite) for name in suite.digests]
    _check(zoo.scenarios, stems, suite)
    runs = [_run(stem, stem, suite, zoo.every, zoo.scenarios.get(stem)) for stem in stems]
    for name, own in zoo.generalists.items():
        _check([own.scenario], stems, suite)
        runs.append(_run(f"{GENERALIST}-{name}", own.scenario, suite, zoo.every, own))
    return runs


def curve_runs(settings: TrainingSettings, suite: Suite) -> list[Run]:
    """The runs of the learning curves: folders `GROUP/KIND-SEED`.

    Raises:
        InputError: If the settings have none, or name a scenario that the suite has not.
    """
    curves = _curves(settings)
    _check(curves.scenarios.values(), [_stem(name, suite) for name in suite.digests], suite)
    return [
        _run(f"{group}/{kind}-{seed}", stem, suite, curves.every, own, Options(seed=seed))
        for group, stem in curves.scenarios.items()
        for kind, own in curves.kinds.items()
        for seed in curves.seeds
    ]


def curve_pictures(settings: TrainingSettings) -> dict[str, list[str]]:
    """The runs in each picture of learning curves, by its name `PICTURE-GROUP`.

    Raises:
        InputError: If a picture shows a kind that is not trained.
    """
    curves = _curves(settings)
    _check([kind for shown in curves.pictures.values() for kind in shown], [*curves.kinds], None)
    return {
        f"{picture}-{group}": [f"{group}/{kind}-{n}" for kind in kinds for n in curves.seeds]
        for group in curves.scenarios
        for picture, kinds in curves.pictures.items()
    }


def chosen(runs: Sequence[Run], patterns: Sequence[str]) -> list[Run]:
    """The runs whose names match one of some patterns; all, if there is no pattern.

    Raises:
        InputError: If a pattern matches none.
    """
    for pattern in patterns:
        if not any(fnmatchcase(run.name, pattern) for run in runs):
            known = ", ".join(run.name for run in runs)
            raise InputError(f"no run {pattern!r}; there are: {known}")
    return [r for r in runs if not patterns or any(fnmatchcase(r.name, p) for p in patterns)]


def _curves(settings: TrainingSettings) -> Curves:
    if settings.curves is None:
        raise InputError("these training settings have no section 'curves'")
    return settings.curves


def _stem(name: str, suite: Suite) -> str:
    return name.removeprefix(in_suite("", suite.version))


def _run(name: str, stem: str, suite: Suite, *options: Options | None) -> Run:
    """A run whose later options replace the earlier ones."""
    merged: dict[str, Any] = {}
    for said in options:
        merged |= said.model_dump(exclude_unset=True, exclude={"scenario"}) if said else {}
    return Run(name, in_suite(stem, suite.version), Options(**merged))


def _check(names: Any, known: Sequence[str], suite: Suite | None) -> None:
    for name in names:
        if name not in known:
            what = "kind" if suite is None else f"scenario of suite {suite.version}"
            raise InputError(f"training settings: no {what} {name!r}; there are {', '.join(known)}")
