"""`sushi bound`: what nobody can beat, and how close the baselines come."""

import time
from typing import Annotated, Any

import numpy as np
import typer
from rich import box
from rich.table import Table

from sushi_agents import baseline_names
from sushi_agents.clairvoyant import MAX_LABELS, Bound, clairvoyant_bounds
from sushi_agents.kinds_of_name import STATIC
from sushi_bench import console
from sushi_bench.commands.options import EpisodesOption, JsonOption, ScenarioOption
from sushi_bench.comparing.comparison import Comparison, compare
from sushi_env import DEFAULT_SCENARIO, compile_scenario, get_scenario

SHOWN = 5


def bound(
    scenario: ScenarioOption = DEFAULT_SCENARIO,
    episodes: EpisodesOption = 5,
    seed: Annotated[int, typer.Option(help="Seed of the first episode.")] = 0,
    max_labels: Annotated[
        int, typer.Option(help="Labels kept per query; more close the gap, and take longer.")
    ] = MAX_LABELS,
    jobs: Annotated[int, typer.Option(help="Processes to spread episodes over.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Bound the reward of any scheduler, even a clairvoyant one, and compare the baselines."""
    problem = compile_scenario(get_scenario(scenario))
    baselines = compare(problem, baseline_names(problem), episodes, seed)
    began = time.monotonic()
    with console.progress_bar() as progress:
        task = progress.add_task("bounding", total=episodes)
        bounds = clairvoyant_bounds(
            problem,
            range(seed, seed + episodes),
            jobs,
            max_labels,
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    seconds = time.monotonic() - began
    result = _result(problem.scenario.name, seed, bounds, baselines)
    if as_json:
        console.print_json(result)
        return
    console.out.print(_table(result))
    queries = episodes * problem.scenario.queries
    console.out.print(
        f"Certified gap {result['gap']:.4f}, {100 * result['gap_of_margin']:.3f} % of the bound's "
        f"margin over the best static SubNet; {result['exact']} of {episodes} proved optimal. "
        f"{1000 * seconds / queries:.2f} s per 1,000 queries.",
        highlight=False,
    )


def _result(scenario: str, seed: int, bounds: list[Bound], baselines: Comparison) -> dict[str, Any]:
    """What `--json` prints. The best static SubNet is that of each episode, in hindsight."""
    rewards = {name: [row.reward for row in rows] for name, rows in baselines.rows.items()}
    static = {name: values for name, values in rewards.items() if name.startswith(STATIC)}
    hindsight = np.max(list(static.values()), axis=0)
    upper = np.array([b.upper for b in bounds])
    gaps = np.array([b.gap for b in bounds])
    return {
        "scenario": scenario,
        "seed": seed,
        "bound": float(upper.mean()),
        "reward": float(np.mean([b.reward for b in bounds])),
        "gap": float(gaps.mean()),
        "gap_of_margin": float(gaps.sum() / max((upper - hindsight).sum(), 1e-12)),
        "exact": sum(b.exact for b in bounds),
        "best_static": float(hindsight.mean()),
        "policies": {name: float(np.mean(values)) for name, values in rewards.items()},
        "episodes": [
            {
                "seed": seed + n,
                "bound": b.upper,
                "reward": b.reward,
                "gap": b.gap,
                "exact": b.exact,
                "best_static": float(hindsight[n]),
            }
            for n, b in enumerate(bounds)
        ],
    }


def _table(result: dict[str, Any]) -> Table:
    """The bound, what is known to be attainable, and the best baselines."""
    table = Table(
        title=f"{result['scenario']}: mean reward of {len(result['episodes'])} episodes, "
        f"seeds from {result['seed']}",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("", no_wrap=True)
    table.add_column("reward", justify="right", no_wrap=True)
    table.add_column("of the margin", justify="right", no_wrap=True)
    margin = max(result["bound"] - result["best_static"], 1e-12)
    rows = [("clairvoyant bound", result["bound"]), ("best schedule found", result["reward"])]
    ranked = sorted(result["policies"].items(), key=lambda item: -item[1])
    rows += [item for item in ranked if not item[0].startswith(STATIC)][:SHOWN]
    rows.append(("best static SubNet of each episode", result["best_static"]))
    for name, reward in rows:
        share = (reward - result["best_static"]) / margin
        table.add_row(name, f"{reward:.3f}", f"{100 * share:.2f} %")
    return table
