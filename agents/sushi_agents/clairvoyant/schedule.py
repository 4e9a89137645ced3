"""The clairvoyant schedule, played as if it were a policy: `--policy clairvoyant`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sushi_agents.clairvoyant.bound import clairvoyant_bound
from sushi_agents.clairvoyant.instance import realise
from sushi_agents.policy import Actions, Observations, PolicyError, Rule
from sushi_env import Problem


class ClairvoyantSchedule(Rule):
    """`clairvoyant`: the schedule behind the bound, which knows every arrival to come.

    No policy can do what it does, and nothing but its episodes' seeds tells it what to do: it
    plays only where `foresee` is called first, as `run_episodes` does.

    Args:
        problem: The compiled scenario.

    Raises:
        InputError: If the scenario has no bound; see `realise`.
    """

    def __init__(self, problem: Problem):
        super().__init__(problem)
        realise(problem, 0)
        self._schedules: list[Actions] = []

    def foresee(self, seeds: Sequence[int]) -> None:
        """Computes the schedules of the first episodes of some seeds, to be played next."""
        self._schedules = [clairvoyant_bound(self.problem, seed).actions for seed in seeds]

    def act(
        self, observations: Observations, state: Any, starts: NDArray[np.bool_]
    ) -> tuple[Actions, Any]:
        """See the class; an episode after the first of a seed gets no schedule, but (0, 0)."""
        if len(self._schedules) != len(observations):
            raise PolicyError(
                "the clairvoyant schedule goes by the seeds of whole episodes, not by what is "
                "observed; run_episodes and `sushi evaluate` can play it"
            )
        step = 0 if state is None else int(state)
        actions = np.zeros((len(observations), 2), dtype=np.int64)
        for k, schedule in enumerate(self._schedules):
            if step < len(schedule):
                actions[k] = schedule[step]
        return actions, step + 1
