"""The native `gymnasium.vector.VectorEnv`: a batch stepped by one call of the engine."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from gymnasium import logger
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from sushi_accel import InputError
from sushi_accel.defaults import DEFAULT_SCENARIO
from sushi_env.described import Described
from sushi_env.engine.actions import action_space, as_pairs
from sushi_env.engine.engine import Engine
from sushi_env.engine.metrics import EpisodeMetrics
from sushi_env.engine.problem import compile_scenario
from sushi_env.rendering.renderer import RENDER_FPS, Renderer
from sushi_env.scenario.named import get_scenario
from sushi_env.scenario.scenario import Scenario
from sushi_env.serve_env import SEED_RANGE, as_seed
from sushi_env.step_info import batch_infos


class ServeVectorEnv(Described, VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """n environments of one scenario; `gymnasium.make_vec("sushi/Serve-v1", num_envs=n)`.

    Spaces, rewards and infos are those of `ServeEnv`, batched as Gymnasium does: each info is
    an array of n with a mask `_name` of where it holds. Environment k, seeded with `seed + k`,
    has the episodes of `ServeEnv` with that seed, bit for bit.

    Args:
        scenario: A registered name, a path to a YAML file, a mapping, or a `Scenario`.
        num_envs: Number of environments n.
        autoreset_mode: What follows the end of an episode, an `AutoresetMode` or its value.
            `NextStep`: the next step resets, whatever its action, with reward 0. `SameStep`:
            the same step resets; `final_obs` and `final_info` are in its info. `Disabled`:
            the caller resets, with `options={"reset_mask": ...}`.
        threads: Threads to step with; worth it from some 4,000 environments on.
        render_mode: None, or `rgb_array` (extra `render`): `render` then returns a picture of
            every environment, and each step takes longer.
        max_episode_steps: Steps after which an episode is truncated, if it is not over before.

    Raises:
        InputError: If an argument is impossible.
    """

    metadata: ClassVar[dict[str, Any]] = {
        "render_modes": ["rgb_array"],
        "render_fps": RENDER_FPS,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        scenario: Scenario | str | Path | dict[str, Any] = DEFAULT_SCENARIO,
        num_envs: int = 1,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        threads: int = 1,
        render_mode: str | None = None,
        max_episode_steps: int | None = None,
    ):
        if render_mode not in (None, "rgb_array"):
            raise InputError(f"render_mode = {render_mode!r}, must be None or rgb_array")
        if max_episode_steps is not None and max_episode_steps < 1:
            raise InputError(f"max_episode_steps = {max_episode_steps}, must be at least 1")
        self._limit = max_episode_steps
        try:
            self.autoreset_mode = AutoresetMode(autoreset_mode)
        except ValueError:
            known = ", ".join(mode.value for mode in AutoresetMode)
            raise InputError(
                f"autoreset_mode = {autoreset_mode!r}, must be one of {known}"
            ) from None
        self.metadata = {  # type: ignore[misc]
            **type(self).metadata,
            "autoreset_mode": self.autoreset_mode,
        }
        self.render_mode = render_mode
        self.problem = compile_scenario(get_scenario(scenario))
        self.layout = self.problem.layout
        self.num_envs = num_envs
        self.single_observation_space = self.layout.space
        self.single_action_space = action_space(self.problem.table)
        self._engine = Engine(self.problem, num_envs, threads)
        self._renderers = (
            [Renderer(self._engine, render_mode, k) for k in range(num_envs)] if render_mode else []
        )
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._seeded = False
        self._everywhere = np.ones(num_envs, dtype=np.bool_)
        self._never = np.zeros(num_envs, dtype=np.bool_)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Starts an episode in every environment, or in those of `options["reset_mask"]`.

        Args:
            seed: Seed s gives environment k the seed s + k; a list gives each its own. Without
                one, each goes on to its next episode.
            options: May hold `reset_mask`, bool, shape (n,).

        Returns:
            Observations, float32, shape (n, D), and info; see `sushi_env.step_info`.

        Raises:
            InputError: If the seeds or the mask do not fit.
        """
        which = self._masked(options)
        n = self.num_envs
        if isinstance(seed, int):
            super().reset(seed=seed)
            self._engine.seed(np.array([as_seed(seed + k) for k in range(n)]), which)
        elif seed is not None:
            if len(seed) != n:
                raise InputError(f"{len(seed)} seeds for {n} environments")
            given = np.array([k for k in which if seed[k] is not None], dtype=np.int64)
            self._seed_randomly()
            self._engine.seed(np.array([as_seed(s or 0) for s in seed]), given)
        else:
            self._seed_randomly()
        self._seeded = True
        observations = self._engine.reset(which).copy()
        self._begin_pictures(which)
        present = self._never.copy()
        present[which] = True
        return observations, self._infos(np.zeros((n, 2), dtype=np.int64), self._never, {}, present)

    def _seed_randomly(self) -> None:
        if not self._seeded:
            draws = self.np_random.integers(SEED_RANGE, size=self.num_envs, dtype=np.uint64)
            self._engine.seed(draws)

    def _masked(self, options: dict[str, Any] | None) -> NDArray[np.int64]:
        mask = (options or {}).get("reset_mask", self._everywhere)
        fits = isinstance(mask, np.ndarray) and mask.dtype == np.bool_
        if not fits or mask.shape != (self.num_envs,) or not mask.any():
            raise InputError(
                f"options['reset_mask'] must be a bool array of shape ({self.num_envs},), "
                "not all False"
            )
        return np.flatnonzero(mask)

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict]:
        """Serves one query in every environment.

        Args:
            actions: SubNets and SubGraphs, integers, shape (n, 2).

        Returns:
            Observations (n, D), rewards (n,), terminations (never), truncations, and info.

        Raises:
            InputError: If actions have another shape, are not integral, or are out of range.
            gymnasium.error.ResetNeeded: If an episode is over and nothing resets it.
        """
        chosen = as_pairs(actions, self.num_envs, self.problem.table)
        engine = self._engine
        next_step = self.autoreset_mode is AutoresetMode.NEXT_STEP
        stepped = ~engine.truncated if next_step else self._everywhere
        engine.step(chosen, reset_over=next_step)
        if self._limit is not None:
            engine.truncated |= engine.state["served"] >= self._limit
        if self._renderers:
            self._begin_pictures(np.flatnonzero(~stepped))
            for k in np.flatnonzero(stepped).tolist():
                self._renderers[k].note(*chosen[k].tolist())
        rewards, truncated = self._earned(), engine.truncated.copy()
        metrics = {k: engine.metrics(k) for k in np.flatnonzero(truncated).tolist()}
        if metrics and self.autoreset_mode is AutoresetMode.SAME_STEP:
            infos = self._final_infos(chosen, metrics, truncated)
        else:
            infos = self._infos(chosen, stepped, metrics, self._everywhere.copy())
        return engine.observation.copy(), rewards, self._never.copy(), truncated, infos

    def _earned(self) -> NDArray[Any]:
        """The latest step's rewards."""
        return self._engine.reward.astype(np.float64)

    def _infos(
        self,
        actions: NDArray[np.int64],
        served: NDArray[np.bool_],
        metrics: dict[int, EpisodeMetrics],
        present: NDArray[np.bool_],
    ) -> dict[str, Any]:
        """Infos of which those not `served` are as after a reset, with the mask `present`."""
        where = served[:, None]
        figures = np.where(where, self._engine.figures, 0.0)
        return batch_infos(figures, np.where(where, actions, -1), metrics, present)

    def _final_infos(
        self,
        actions: NDArray[np.int64],
        metrics: dict[int, EpisodeMetrics],
        truncated: NDArray[np.bool_],
    ) -> dict[str, Any]:
        """Infos of a step that also resets the environments whose episode it ended."""
        over = np.flatnonzero(truncated)
        final = np.full(self.num_envs, None, dtype=object)
        for k in over:
            final[k] = self._engine.observation[k].copy()
        last = self._infos(actions, truncated, metrics, truncated.copy())
        infos = self._infos(actions, ~truncated, {}, self._everywhere.copy())
        infos |= {"final_obs": final, "_final_obs": truncated.copy()}
        infos |= {"final_info": last, "_final_info": truncated.copy()}
        self._engine.reset(over)
        self._begin_pictures(over)
        return infos

    def _begin_pictures(self, which: NDArray[np.int64]) -> None:
        """Tells the renderers, if there are any, which episodes have just begun."""
        if self._renderers:
            for k in which.tolist():
                self._renderers[k].begin()

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """A picture of each environment as in `ServeEnv`, uint8, shape (632, 640, 3).

        Raises:
            gymnasium.error.ResetNeeded: If no episode was begun.
            gymnasium.error.DependencyNotInstalled: If the extra `render` is missing.
        """
        if not self._renderers:
            logger.warn("render() without a render_mode: give one when making the environment")
            return None
        return tuple(renderer.pixels() for renderer in self._renderers)

    def action_masks(self) -> NDArray[np.bool_]:
        """Which SubNets and SubGraphs may be chosen now, bool, shape (n, S + G)."""
        return self._engine.action_masks()
