"""Learning curves of training runs, read from their TensorBoard logs (extra `train`)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sushi_accel.files.documents import validate
from sushi_accel.files.json_text import read_json
from sushi_accel.files.reading import named
from sushi_agents import baseline_names, make_policy
from sushi_agents.evaluation import run_episodes
from sushi_agents.learning.run_folder import RUN, RunDescription
from sushi_env import InputError, Scenario, compile_scenario, mean_metrics
from sushi_env.scenario.scenario import parse_scenario

LOOKAHEAD = "lookahead"


@dataclass
class Curves:
    """Runs that differ in nothing but their seed.

    Attributes:
        label: What sets them apart from the others.
        seeds: Their seeds.
        steps: Steps at each evaluation, shape (E,).
        utility: Mean utility on the scenario, shape (runs, E).
    """

    label: str
    seeds: list[int] = field(default_factory=list)
    steps: np.ndarray = field(default_factory=lambda: np.zeros(0))
    utility: list[np.ndarray] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain data: median, lowest and highest of the runs, at each evaluation."""
        values = np.stack(self.utility)
        return {
            "label": self.label,
            "seeds": self.seeds,
            "steps": [int(step) for step in self.steps],
            "median": np.median(values, axis=0).tolist(),
            "lowest": values.min(axis=0).tolist(),
            "highest": values.max(axis=0).tolist(),
            "last": [float(run[-1]) for run in self.utility],
        }


def read_curves(folders: Sequence[Path]) -> tuple[Scenario, list[Curves]]:
    """Reads runs on one scenario, and puts those together that differ only in their seed.

    Args:
        folders: Folders that `sushi train` wrote.

    Returns:
        The scenario, and the curves in the order in which their first run was named.

    Raises:
        InputError: If a folder is no run's, or the runs are not all on one scenario.
    """
    scenario: Scenario | None = None
    groups: dict[str, Curves] = {}
    for folder in folders:
        run = _description(folder)
        if scenario is None:
            scenario = parse_scenario(run["scenario"], f"run {folder}")
            digest = run["scenario_digest"]
        elif run["scenario_digest"] != digest:
            raise InputError(
                f"run {folder}: is on scenario {run['scenario']['name']!r}, the others on "
                f"{scenario.name!r}"
            )
        steps, utility = _scalars(folder)
        label = _label(run)
        curves = groups.setdefault(label, Curves(label, steps=steps))
        if not np.array_equal(curves.steps, steps):
            raise InputError(f"run {folder}: was evaluated at other steps than others like it")
        if run["seed"] in curves.seeds:
            raise InputError(f"run {folder}: seed {run['seed']} of {label!r} is there twice")
        curves.seeds.append(run["seed"])
        curves.utility.append(utility)
    if scenario is None:
        raise InputError("no run is given")
    return scenario, list(groups.values())


def baselines(scenario: Scenario, episodes: int, seed: int) -> dict[str, float]:
    """Mean utility of `lookahead` and of the best other heuristic, by name."""
    problem = compile_scenario(scenario)
    scores = {
        name: mean_metrics(
            run_episodes(problem, make_policy(name, problem), episodes, seed, name)
        ).utility
        for name in baseline_names(problem)
    }
    best = max((name for name in scores if name != LOOKAHEAD), key=scores.__getitem__)
    return {best: scores[best], LOOKAHEAD: scores[LOOKAHEAD]}


def _description(folder: Path) -> dict[str, Any]:
    path = folder / RUN
    where = named("run", path)
    return validate(RunDescription, read_json(path, where), where).model_dump()


def _label(run: dict[str, Any]) -> str:
    cache = run["hyperparameters"].get("cache", "choose")
    parts = [run["algo"]]
    if run.get("mixture"):
        parts.append(f"mixture of {run['mixture']}")
    if cache != "choose":
        parts.append("nothing cached" if cache == "none" else "one SubGraph cached for good")
    return ", ".join(parts)


def _scalars(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Steps and utility of a run's evaluations; where it was resumed, the later ones count."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from sushi_agents.learning.watching import CURVE

    log = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    log.Reload()
    if CURVE not in log.Tags()["scalars"]:
        raise InputError(f"run {folder}: its TensorBoard log has no {CURVE!r}")
    values = {event.step: event.value for event in log.Scalars(CURVE)}
    steps = sorted(values)
    return np.array(steps), np.array([values[step] for step in steps])
