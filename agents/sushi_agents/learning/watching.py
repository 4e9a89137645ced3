"""What happens beside the learning: logs, evaluations, checkpoints (extra `train`)."""

import io
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Figure, HParam, TensorBoardOutputFormat

from sushi_accel.files.atomic import replacing
from sushi_accel.files.reading import named
from sushi_agents.evaluation import run_episodes
from sushi_agents.learning.algorithms import as_policy
from sushi_agents.learning.checkpoints import save_checkpoint
from sushi_agents.learning.training_run import EVALUATION_STEPS, TrainingRun
from sushi_agents.network.learned import AgentCard, NetworkSpec, layout_of, save_agent
from sushi_agents.network.network import QueueNetwork
from sushi_agents.policy import Policy
from sushi_env import EpisodeMetrics, Problem, compile_scenario, mean_metrics
from sushi_env.engine.engine import Engine
from sushi_env.engine.metrics import METRICS
from sushi_env.step_info import metrics_in

VALIDATION_SEED = 1_500_000_000
"""Evaluations during training use seeds from here on: neither trained on, nor a suite's."""

CURVE = "scenario/utility"
"""Scalar of the learning curve: mean utility on the run's scenario, trained on or not."""

CHECKPOINT_S = 10.0
"""Seconds after which there is a checkpoint, whatever the steps, so that short runs have one."""

SAVING_SHARE = 50
"""A checkpoint by time waits so many times as long as the last one took."""

Picture = Callable[[Problem, Policy], Any]
"""Draws an episode of a policy as a Matplotlib figure."""


def save_model(model: BaseAlgorithm, path: Path) -> None:
    """Saves a model atomically.

    Raises:
        InputError: If it cannot be written.
    """
    packed = io.BytesIO()  # a zip that breaks off on a full disk complains again when it is closed
    model.save(packed)
    with replacing(path, named("model", path)) as part:
        part.write_bytes(packed.getvalue())


class Watch(BaseCallback):
    """Logs the serving metrics, evaluates, keeps the best model, saves checkpoints.

    Args:
        run: The run.
        on_progress: Called with steps done and to do.
        picture: Draws an episode.
        on_evaluation: Told each evaluation's mean reward; training ends if it returns False.
        remembered: State from a checkpoint.
    """

    def __init__(
        self,
        run: TrainingRun,
        on_progress: Callable[[int, int], None] | None,
        picture: Picture | None,
        on_evaluation: Callable[[int, float], bool] | None,
        remembered: dict[str, Any],
    ):
        super().__init__()
        self.run, self.problems = run, run.validated_on()
        self.own = compile_scenario(run.scenario)
        self.on_progress, self.picture = on_progress, picture
        self.on_evaluation, self.ended = on_evaluation, False
        self.every = run.evaluation_steps or max(run.steps // 10, EVALUATION_STEPS)
        self.finished: list[EpisodeMetrics] = []
        self.memory: dict[str, Any] = {
            "next_checkpoint": run.checkpoint_steps,
            "next_evaluation": self.every,
            "best": -np.inf,
            "since_best": 0,
        } | remembered
        self.rate = (0, time.monotonic())
        self.due = time.monotonic() + CHECKPOINT_S

    @property
    def stopped(self) -> bool:
        """Whether patience has run out, or training was ended from outside."""
        patience = self.run.patience
        return self.ended or (patience is not None and self.memory["since_best"] >= patience)

    def _on_training_start(self) -> None:
        self.rate = (self.num_timesteps, time.monotonic())
        flat = {
            key: value
            for key, value in self.run.settings.items()
            if isinstance(value, int | float | str)
        }
        named = {"algo": self.run.algo, "scenario": self.run.scenario.name, "seed": self.run.seed}
        scores = {"validation/reward": 0.0, "validation/utility": 0.0}
        hparams = HParam(named | flat, scores)
        self.logger.record("hparams", hparams, exclude=("stdout", "log", "json", "csv"))

    def _on_rollout_start(self) -> None:
        """Between two rollouts nothing is half done: here training can be continued from."""
        if self.num_timesteps >= self.memory["next_evaluation"]:
            self.memory["next_evaluation"] = self.num_timesteps + self.every
            self._evaluate()
        if self.num_timesteps >= self.memory["next_checkpoint"] or time.monotonic() >= self.due:
            self._save_checkpoint()

    def _save_checkpoint(self) -> None:
        began = time.monotonic()
        if self.num_timesteps >= self.memory["next_checkpoint"]:
            self.memory["next_checkpoint"] = self.num_timesteps + self.run.checkpoint_steps
        save_checkpoint(self.run, self.model, dict(self.memory))
        now = time.monotonic()
        self.due = now + max(CHECKPOINT_S, SAVING_SHARE * (now - began))

    def _on_step(self) -> bool:
        dones = self.locals["dones"]
        if dones.any():
            infos = self.locals["infos"]
            self.finished += [metrics_in(infos[k]) for k in dones.nonzero()[0]]
        if self.on_progress:
            self.on_progress(min(self.num_timesteps, self.run.steps), self.run.steps)
        return not self.stopped

    def _on_rollout_end(self) -> None:
        if not self.finished:
            return
        for name in METRICS:
            values = [getattr(metrics, name) for metrics in self.finished]
            self.logger.record(f"serving/{name}", sum(values) / len(values))
        self.finished.clear()
        before, began = self.rate
        now = time.monotonic()
        self.logger.record(
            "time/steps_per_s", (self.num_timesteps - before) / max(now - began, 1e-9)
        )
        self.rate = (self.num_timesteps, now)

    def _on_training_end(self) -> None:
        self._evaluate(final=True)
        if not self.stopped:  # else in the middle of a rollout
            self._save_checkpoint()

    def _evaluate(self, final: bool = False) -> None:
        """Scores the policy on seeds of its own, and keeps the model if it is the best yet."""
        times = _ResponseTimes()
        each = max(self.run.evaluation_episodes // len(self.problems), 1)
        mean = self._score(self.problems, each, times)
        own = mean
        if self.run.mixture:
            own = self._score([self.own], self.run.evaluation_episodes, times)
        self.logger.record(CURVE, own.utility)
        for name in METRICS:
            self.logger.record(f"validation/{name}", getattr(mean, name))
        if self.picture and final:
            self._draw(self.picture)
        for output in self.logger.output_formats:
            if isinstance(output, TensorBoardOutputFormat) and output.writer:
                output.writer.add_histogram(
                    "validation/response_time_ms",
                    1e3 * np.concatenate(times.seconds),
                    self.num_timesteps,
                )
        self.logger.dump(self.num_timesteps)
        if self.on_evaluation:
            self.ended |= not self.on_evaluation(self.num_timesteps, mean.reward)
        if mean.reward > self.memory["best"]:
            self.memory |= {"best": mean.reward, "since_best": 0}
            save_model(self.model, self.run.best_path)
            self._save_agent(mean)
        else:
            self.memory["since_best"] += 1

    def _draw(self, picture: Picture) -> None:
        figure = picture(self.own, as_policy(self.model, self.own))
        shown = Figure(figure, close=True)
        excluded = ("stdout", "log", "json", "csv")
        self.logger.record("validation/episode", shown, exclude=excluded)

    def _score(
        self, problems: list[Problem], episodes: int, times: "_ResponseTimes"
    ) -> EpisodeMetrics:
        """Mean metrics over scenarios, so many episodes of each."""
        rows: list[EpisodeMetrics] = []
        for problem in problems:
            policy = as_policy(self.model, problem)
            rows += run_episodes(
                problem, policy, episodes, VALIDATION_SEED, self.run.algo, on_step=times.watch
            )
        return mean_metrics(rows)

    def _save_agent(self, score: EpisodeMetrics) -> None:
        """Saves the scheduler, if its network has a format that loads without executing code."""
        network = getattr(self.model.policy, "mlp_extractor", None)
        if isinstance(network, QueueNetwork):
            card = agent_card(self.run, self.own, network, self.num_timesteps, score)
            save_agent(self.run.agent_path, network, card)


def agent_card(
    run: TrainingRun,
    problem: Problem,
    network: QueueNetwork,
    steps: int,
    score: EpisodeMetrics,
) -> AgentCard:
    """Describes what a run has trained.

    Args:
        run: The run.
        problem: A compiled scenario with the spaces that it was trained on.
        network: The trained network.
        steps: Steps it was trained for until then.
        score: Its mean metrics in the evaluation that chose it.
    """
    identity = run.identity()
    command = f"sushi train --scenario {run.scenario.name} --algo {identity['algo']}"
    command += f" --mixture {run.mixture}" if run.mixture else ""
    return AgentCard(
        network=NetworkSpec(**network.spec),
        layout=layout_of(problem),
        scenarios={p.scenario.name: p.scenario.digest for p in run.trained_on()},
        training=identity
        | {"taken_at": steps, "command": f"{command} --steps {run.steps} --seed {run.seed}"},
        score={
            **asdict(score),
            "first_seed": float(VALIDATION_SEED),
            "episodes": float(run.evaluation_episodes),
        },
    )


class _ResponseTimes:
    """Collects the response times of an evaluation."""

    def __init__(self) -> None:
        self.seconds: list[np.ndarray] = []

    def watch(self, engine: Engine, running: np.ndarray) -> None:
        """Takes the latest step of the environments that are `running`."""
        outcome = engine.outcome[running]
        self.seconds.append(outcome["finish_s"] - outcome["arrival_s"])
