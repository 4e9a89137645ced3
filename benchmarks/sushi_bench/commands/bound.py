"""`sushi bound`: what nobody can beat, and how close the baselines come."""

import time
from typing import Annotated, Any

import numpy as np
import typer

from sushi_agents import baseline_names
from sushi_agents.clairvoyant import MAX_LABELS, Bound, clairvoyant_bounds
from sushi_agents.kinds_of_name import STATIC
from sushi_bench import console
from sushi_bench.commands.options import (
    EpisodesOption,
    FromOneJobOption,
    JsonOption,
    ScenarioOption,
    SeedOption,
)
from sushi_bench.comparing.comparison import Comparison, compare
from sushi_env import DEFAULT_SCENARIO, compile_scenario, get_scenario

SHOWN = 5


def bound(
    scenario: ScenarioOption = DEFAULT_SCENARIO,
    episodes: EpisodesOption = 5,
    seed: SeedOption = 0,
    max_labels: Annotated[
        int, typer.Option(help="Labels kept per query; more close the gap, and take longer.")
    ] = MAX_LABELS,
    jobs: FromOneJobOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Bound the reward of any scheduler, even a clairvoyant one, and compare the baselines."""
    problem = compile_scenario(get_scenario(scenario))
    baselines = compare(problem, baseline_names(problem), episodes, seed)
    began = time.monotonic()
    with console.working("bounding", episodes) as work:
        seeds = range(seed, seed + episodes)
        bounds = clairvoyant_bounds(problem, seeds, jobs, max_labels, work)
    seconds = time.monotonic() - began
    result = _result(problem.scenario.name, seed, bounds, baselines)
    if as_json:
        console.print_json(result)
        return
    _show(result)
    queries = episodes * problem.scenario.queries
    console.say(
        f"Certified gap {result['gap']:.4f}, {100 * result['gap_of_margin']:.3f} % of the bound's "
        f"margin over the best static SubNet; {result['exact']} of {episodes} proved optimal. "
        f"{1000 * seconds / queries:.2f} s per 1,000 queries."
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


def _show(result: dict[str, Any]) -> None:
    """The bound, what is known to be attainable, and the best baselines."""
    margin = max(result["bound"] - result["best_static"], 1e-12)
    found = [("clairvoyant bound", result["bound"]), ("best schedule found", result["reward"])]
    ranked = sorted(result["policies"].items(), key=lambda item: -item[1])
    found += [item for item in ranked if not item[0].startswith(STATIC)][:SHOWN]
    found.append(("best static SubNet of each episode", result["best_static"]))
    rows = [
        (name, f"{reward:.3f}", f"{100 * (reward - result['best_static']) / margin:.2f} %")
        for name, reward in found
    ]
    title = (
        f"{result['scenario']}: mean reward of {len(result['episodes'])} episodes, "
        f"seeds from {result['seed']}"
    )
    console.out.print(console.table(("", "reward", "of the margin"), rows, title))
