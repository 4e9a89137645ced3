"""`sushi record`: a policy's episodes as a dataset to learn from."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from sushi_agents import make_policy
from sushi_agents.export.recording import dataset_path, recorded_episodes, write_dataset
from sushi_bench import console
from sushi_bench.commands.options import MOST_EPISODES, JsonOption, ScenarioOption, TrustOption
from sushi_env import DEFAULT_SCENARIO, compile_scenario, get_scenario


def record(
    out: Annotated[
        Path, typer.Option(help="Folder to write, DIR/ID; ID is Minari's, such as steady-v0.")
    ],
    policy: Annotated[str, typer.Option(help="The policy that acts, as for `evaluate`.")],
    scenario: ScenarioOption = DEFAULT_SCENARIO,
    episodes: Annotated[int, typer.Option(help="Episodes to record.", max=MOST_EPISODES)] = 20,
    seed: Annotated[
        int, typer.Option(help="Seed of the dataset; its episodes are never an evaluation's.")
    ] = 0,
    trust: TrustOption = False,
    as_json: JsonOption = False,
) -> None:
    """Record a policy's episodes as a Minari dataset."""
    path = dataset_path(out)
    problem = compile_scenario(get_scenario(scenario))
    chosen = make_policy(policy, problem, trust)
    with console.working(f"recording {policy}", episodes) as work:
        found = recorded_episodes(problem, chosen, episodes, seed, policy, work)
        work(episodes, description="writing")
        write_dataset(path, problem, found, policy)
    steps = sum(len(episode.rewards) for episode in found)
    reward = float(np.mean([sum(episode.rewards) for episode in found]))
    if as_json:
        console.print_json(
            {
                "dataset": str(path),
                "id": path.name,
                "scenario": problem.scenario.name,
                "scenario_digest": problem.scenario.digest,
                "policy": policy,
                "episodes": episodes,
                "steps": steps,
                "first_seed": found[0].seed,
                "reward": reward,
            }
        )
    else:
        console.note(f"wrote {path}: {episodes} episodes, {steps} steps, mean reward {reward:.4g}")
