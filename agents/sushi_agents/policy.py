"""What a policy is, and the base of those that are rules.

A policy is anything with Stable-Baselines3's `predict`: every SB3 model is one, and every rule
here works in SB3's `evaluate_policy`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sushi_accel.shown import plain
from sushi_env import InputError, Problem

FLOAT32_HALF_STEP = 2.0**-24
"""Largest rounding error of an observed value, which is at most 1."""

LONGEST_ERROR = 2000
"""Characters of an `InputError` of a policy that are shown."""

Actions = NDArray[np.int64]
Observations = NDArray[np.float32]


class PolicyError(InputError):
    """A policy could not be built, raised, or returned what is not a batch of actions."""


class Policy(Protocol):
    """Anything that turns observations into actions, SB3's way."""

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = True,
    ) -> tuple[Any, Any]:
        """Chooses actions.

        Args:
            observation: float32, shape (n, D), or (D,) for one environment.
            state: What the previous call returned, or None at the beginning.
            episode_start: Where an episode has just begun, bool, shape (n,).
            deterministic: Whether a stochastic policy should return its mode.

        Returns:
            Actions, integers, shape (n, 2) or (2,): SubNet and next SubGraph; and the state.
        """
        ...


@contextmanager
def their_code(doing: str) -> Iterator[None]:
    """Runs a policy's own code; whatever it raises, Ctrl-C apart, becomes one line.

    Args:
        doing: What it was doing: "policy 'x' raised at step 3".

    Raises:
        PolicyError: If the code raises; what it raised is the cause.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except InputError as error:
        raise PolicyError(f"{doing}: {plain(error, LONGEST_ERROR)}") from error
    except BaseException as error:  # SystemExit, GeneratorExit, and what a stranger derived
        kind = plain(type(error).__name__)
        raise PolicyError(f"{doing}: {kind}: {plain(error)}") from error


def checked_answer(found: Any, n: int) -> tuple[Any, Any]:
    """What `predict` returned for n environments, as actions and state.

    Raises:
        PolicyError: If it is anything but a tuple of two, or is two actions without a state.
    """
    if isinstance(found, tuple) and len(found) == 2 and not all(map(_is_pair, found)):
        return found
    odd = "actions alone" if isinstance(found, tuple | list | np.ndarray) else type(found).__name__
    raise PolicyError(
        f"predict must return a tuple (actions, state), actions of shape ({n}, 2) and the state "
        f"None if it has none; it returned {plain(odd)}"
    )


def _is_pair(found: Any) -> bool:
    """Whether this is one action: two integers in a row."""
    row = isinstance(found, tuple | list) or (isinstance(found, np.ndarray) and found.ndim == 1)
    return row and len(found) == 2 and all(isinstance(one, int | np.integer) for one in found)


class Rule(ABC):
    """A policy that is a rule: built from a scenario, it may know the table, not the future.

    Args:
        problem: The compiled scenario.
    """

    def __init__(self, problem: Problem):
        self.problem = problem
        self.layout = problem.layout
        self.table = problem.table
        self._largest_slo_s = float(problem.parameters["largest_slo"][0])
        self._latency_s = np.ascontiguousarray(problem.table.latency_s.T)  # (G, S)

    def predict(
        self,
        observation: Observations,
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[Actions, Any]:
        """Chooses actions; see `Policy.predict`."""
        batch = np.atleast_2d(observation)
        starts = np.zeros(len(batch), dtype=np.bool_)
        if episode_start is not None:
            starts[:] = episode_start
        if state is None:
            starts[:] = True
        actions, state = self.act(batch, state, starts)
        return (actions[0] if np.ndim(observation) == 1 else actions), state

    @abstractmethod
    def act(
        self, observations: Observations, state: Any, starts: NDArray[np.bool_]
    ) -> tuple[Actions, Any]:
        """The rule, on a batch.

        Args:
            observations: float32, shape (n, D).
            state: What the previous call returned; None at the beginning.
            starts: Where an episode has just begun, bool, shape (n,).

        Returns:
            Actions, int64, shape (n, 2), and the state for the next call.
        """

    def cached(self, observations: Observations) -> NDArray[np.int64]:
        """The cached SubGraph, shape (n,)."""
        return self.layout.part(observations, "cached").argmax(axis=-1)

    def latency_s(self, observations: Observations) -> NDArray[np.float64]:
        """L[:, g] under the cached SubGraph, seconds, shape (n, S)."""
        return self._latency_s[self.cached(observations)]

    def head_floor(self, observations: Observations) -> NDArray[np.float64]:
        """Accuracy floor of the query to be served, percent, shape (n,).

        Floors below the least accurate SubNet's are seen as its accuracy: they ask no more.
        Rounded down by what float32 may have added.
        """
        lowest, highest = self.table.top1.min(), self.table.top1.max()
        seen = self.layout.queue(observations)["floor"][:, 0].astype(np.float64)
        return lowest + (seen - FLOAT32_HALF_STEP) * (highest - lowest)

    def head_slack_s(self, observations: Observations) -> NDArray[np.float64]:
        """Time left to the deadline of the query to be served, seconds, shape (n,).

        Rounded up by what float32 may have cut off, so that a SubNet that takes exactly as
        long as is left counts as fast enough.
        """
        seen = self.layout.queue(observations)["slack"][:, 0].astype(np.float64)
        return (seen + FLOAT32_HALF_STEP) * self._largest_slo_s

    def offered_load(self, observations: Observations) -> NDArray[np.float64]:
        """Running average of the load: arrival rate times fastest latency, shape (n,)."""
        seen = self.layout.part(observations, "load")[:, 0].astype(np.float64)
        return seen / (1 - np.minimum(seen, 1 - 1e-6))
