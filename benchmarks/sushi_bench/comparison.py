"""Several policies on the same episodes, and the table that people read."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from rich import box
from rich.table import Table

from sushi_agents import make_policy, run_episodes
from sushi_agents.policy import Policy
from sushi_env import EpisodeMetrics, Problem, mean_metrics

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Comparison:
    """Mean metrics of several policies on the same seeded episodes.

    Attributes:
        scenario: Name of the scenario.
        episodes: Number of episodes.
        seed: Seed of the first; episode k has seed + k.
        policies: Mean metrics by the policies' names, in the order they were given.
    """

    scenario: str
    episodes: int
    seed: int
    policies: dict[str, EpisodeMetrics]

    def as_json(self) -> dict[str, object]:
        """The comparison as `sushi evaluate --json` prints it."""
        return {
            "scenario": self.scenario,
            "episodes": self.episodes,
            "seed": self.seed,
            "policies": {name: asdict(metrics) for name, metrics in self.policies.items()},
        }


def compare(
    problem: Problem,
    names: Sequence[str],
    episodes: int,
    seed: int,
    trust: bool = False,
    trained: dict[str, Policy] | None = None,
    on_progress: Progress | None = None,
) -> Comparison:
    """Runs each policy on the same episodes.

    Args:
        problem: The compiled scenario.
        names: Policies, by name; see `make_policy`.
        episodes: Number of episodes.
        seed: Seed of the first episode.
        trust: Whether model files may execute code while they load.
        trained: Policies in memory, by name, run before the named ones.
        on_progress: Called with a policy's name and its queries done and to do.

    Returns:
        The comparison.

    Raises:
        InputError: If a policy cannot be built or misbehaves, or a number is out of range.
    """
    policies = dict(trained or {}) | {name: make_policy(name, problem, trust) for name in names}
    results = {}
    for name, policy in policies.items():
        report = None if on_progress is None else _bind(on_progress, name)
        results[name] = mean_metrics(run_episodes(problem, policy, episodes, seed, name, report))
    return Comparison(problem.scenario.name, episodes, seed, results)


def _bind(on_progress: Progress, name: str) -> Callable[[int, int], None]:
    return lambda done, total: on_progress(name, done, total)


COLUMNS: tuple[tuple[str, Callable[[EpisodeMetrics], str]], ...] = (
    ("reward", lambda m: f"{m.reward:.1f}"),
    ("utility", lambda m: f"{m.utility:.4f}"),
    ("SLO\nmet %", lambda m: f"{100 * m.slo_attainment:.1f}"),
    ("floor\nmet %", lambda m: f"{100 * m.floor_attainment:.1f}"),
    ("served\ntop-1 %", lambda m: f"{m.served_accuracy:.2f}"),
    ("p99\nms", lambda m: f"{1e3 * m.latency_p99_s:.1f}"),
    ("dropped\n%", lambda m: f"{100 * m.drop_rate:.1f}"),
    ("cache\nhit %", lambda m: f"{100 * m.cache_hit_ratio:.1f}"),
)


def as_table(comparison: Comparison) -> Table:
    """The comparison as a table, best reward first."""
    table = Table(
        title=f"{comparison.scenario}: mean of {comparison.episodes} episodes, seeds from "
        f"{comparison.seed}, best reward first",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("policy", no_wrap=True)
    for heading, _ in COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True)
    ranked = sorted(comparison.policies.items(), key=lambda item: -item[1].reward)
    for name, metrics in ranked:
        table.add_row(name, *(show(metrics) for _, show in COLUMNS))
    return table
