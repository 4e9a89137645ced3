"""The Gymnasium environment `sushi/Serve-v1`: a batch of one."""

from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from sushi_accel import InputError
from sushi_accel.defaults import DEFAULT_SCENARIO
from sushi_env.described import Described
from sushi_env.engine.actions import action_space, as_pair
from sushi_env.engine.engine import Engine
from sushi_env.engine.problem import compile_scenario
from sushi_env.rendering.renderer import RENDER_FPS, RENDER_MODES, Renderer
from sushi_env.scenario.named import get_scenario
from sushi_env.scenario.scenario import Scenario
from sushi_env.step_info import reset_info, step_info

SEED_RANGE = 2**64


def as_seed(seed: int) -> np.uint64:
    """A Python integer as the engine's seed."""
    return np.uint64(int(seed) % SEED_RANGE)


class ServeEnv(Described, gym.Env[np.ndarray, np.ndarray]):
    """Schedule inference on a weight-shared network, as SUSHI does (MLSys 2023).

    ## Description
    Queries arrive at an accelerator that can serve each with any SubNet of one SuperNet, and
    keeps a SubGraph of the weights on chip. Each has a latency SLO and an accuracy floor. A
    decision is due whenever the accelerator is free and a query waits: which SubNet serves the
    head of the queue, under the SubGraph cached now, and which SubGraph is loaded after it.

    ## Action space
    `MultiDiscrete([S, G])`: the SubNet, and the SubGraph to cache next. Choosing the cached
    one loads nothing. `action_masks()` says which may be chosen now.

    ## Observation space
    `Box(-1, 1, (D,), float32)`; `env.unwrapped.layout` names its slices (see
    `ObservationLayout`).

    ## Reward
    A weighted sum of the step's components, by the scenario's preset (see `sushi_env.rewards`).

    ## Starting state
    The first query has arrived; nothing is cached.

    ## Episode end
    Never terminates; truncates when the scenario's number of queries has been served or dropped.

    ## Info
    The same flat keys after `reset` and every step, each a NumPy scalar: `component_utility` and
    the other components of the reward; `subnet`, `subgraph`, `arrival_s`, `start_s`, `finish_s`,
    `free_s` of the query served; `metric_utility` and the others of `EpisodeMetrics`, which are 0
    until the episode's last step (see `sushi_env.step_info`).

    ## Arguments
    `scenario`: a registered name, a path to a YAML file, a mapping of fields, or a `Scenario`.

    ## Seeding
    `reset(seed=s)` starts the first episode of seed s; each `reset()` after it the next one.
    They are the same on any machine, and in every other interface of the same scenario.

    ## Rendering
    `render_mode`: `human` (a window that follows every step), `rgb_array` (uint8, shape
    (632, 640, 3)) or `ansi` (text); the first two need the extra `render`. They show the queue
    with each query's time left, the SubNet and its query, the SuperNet's layers with what the
    Persistent Buffer holds of them, and accuracy, latency and misses of the latest queries.

    ## Version history
    * v1: initial version.
    """

    metadata: ClassVar[dict[str, Any]] = {
        "render_modes": list(RENDER_MODES),
        "render_fps": RENDER_FPS,
    }

    def __init__(
        self,
        scenario: Scenario | str | Path | dict[str, Any] = DEFAULT_SCENARIO,
        render_mode: str | None = None,
    ):
        if render_mode is not None and render_mode not in RENDER_MODES:
            known = ", ".join(RENDER_MODES)
            raise InputError(f"render_mode = {render_mode!r}, must be None or one of {known}")
        self.render_mode = render_mode
        self.problem = compile_scenario(get_scenario(scenario))
        self.layout = self.problem.layout
        self.observation_space = self.layout.space
        self.action_space = action_space(self.problem.table)
        self._engine = Engine(self.problem, 1)
        self._renderer = None if render_mode is None else Renderer(self._engine, render_mode)
        self._seeded = False
        self._attach()

    def _attach(self) -> None:
        engine = self._engine
        self._seen, self._figures = engine.observation[0], engine.figures[0]
        self._reward, self._truncated = engine.reward, engine.truncated

    def __getstate__(self) -> dict[str, Any]:
        views = ("_seen", "_figures", "_reward", "_truncated")
        return {name: value for name, value in vars(self).items() if name not in views}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A copy looks at its own engine's arrays.
        self.__dict__.update(state)
        self._attach()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Starts an episode; see Seeding in the class."""
        super().reset(seed=seed)
        if seed is None and not self._seeded:
            seed = int(self.np_random.integers(SEED_RANGE, dtype=np.uint64))
        if seed is not None:
            self._engine.seed(np.array([as_seed(seed)]))
            self._seeded = True
        observation = self._engine.reset()[0].copy()
        if self._renderer is not None:
            self._renderer.begin()
        return observation, reset_info()

    def action_masks(self) -> np.ndarray:
        """Which SubNets and SubGraphs may be chosen now, bool, shape (S + G,)."""
        return self._engine.action_masks()[0]

    def step(self, action: np.ndarray) -> tuple[np.ndarray, Any, bool, bool, dict[str, Any]]:
        """Serves the query at the head of the queue.

        Args:
            action: SubNet and SubGraph, integers, shape (2,).

        Returns:
            Observation float32 (D,), reward, False, whether the episode is over, and info.

        Raises:
            InputError: If the action has another shape, is not integral, or is out of range.
            gymnasium.error.ResetNeeded: If the episode is over or was never begun.
        """
        subnet, subgraph = as_pair(action)
        engine = self._engine
        engine.step_one(subnet, subgraph)
        if self._renderer is not None:
            self._renderer.note(subnet, subgraph)
        truncated = self._truncated.item()
        metrics = engine.metrics(0) if truncated else None
        info = step_info(self._figures, subnet, subgraph, metrics)
        return self._seen.copy(), self._earned(), False, truncated, info

    def _earned(self) -> Any:
        """The latest step's reward."""
        return self._reward.item()

    def render(self) -> np.ndarray | str | None:
        """The episode now, in the form that `render_mode` asks for; see Rendering in the class.

        Raises:
            gymnasium.error.ResetNeeded: If no episode was begun.
            gymnasium.error.DependencyNotInstalled: If the extra `render` is missing.
        """
        if self._renderer is None:
            gym.logger.warn("render() without a render_mode: give one when making the environment")
            return None
        return self._renderer.render()

    def close(self) -> None:
        """Closes the window, if there is one; a later frame opens another."""
        if self._renderer is not None:
            self._renderer.close()
