"""The `spec` of an environment: one that JSON can hold, and that says how long episodes may be."""

import copy
from enum import Enum
from pathlib import Path
from typing import Any

from gymnasium.envs.registration import EnvSpec

from sushi_env.engine.problem import Problem
from sushi_env.scenario.scenario import Scenario


class Described:
    """An environment whose `spec` can be written as JSON and made again from it.

    Each decision resolves a query, so an episode has at most as many as the scenario has queries.
    A spec with that bound makes the environment within Gymnasium's `TimeLimit`, which then ends
    no episode early.

    Attributes:
        problem: The compiled scenario.
    """

    problem: Problem
    _spec: EnvSpec | None = None

    @property
    def spec(self) -> EnvSpec | None:
        """How `gymnasium.make` makes the environment; None if it did not make this one."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._spec = None if spec is None else described(spec, self.problem.scenario)


def described(spec: EnvSpec, scenario: Scenario) -> EnvSpec:
    """A copy of a spec with plain arguments and `max_episode_steps`.

    Args:
        spec: The spec, with the arguments as they were given.
        scenario: The scenario that they mean.
    """
    spec = copy.deepcopy(spec)
    spec.kwargs = {name: _plain(value, scenario) for name, value in spec.kwargs.items()}
    limits = (spec.max_episode_steps, spec.kwargs.get("max_episode_steps"), scenario.queries)
    spec.max_episode_steps = min(limit for limit in limits if limit is not None)
    return spec


def _plain(value: Any, scenario: Scenario) -> Any:
    if isinstance(value, Scenario | dict):
        return scenario.model_dump(mode="json", exclude_none=True)
    if isinstance(value, Path):
        return str(value)
    return value.value if isinstance(value, Enum) else value
