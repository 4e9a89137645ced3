"""`sushi export`: a trained agent as an ONNX file, checked on real observations."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from sushi_accel.errors import need
from sushi_accel.files.atomic import check_writable
from sushi_agents import make_policy
from sushi_agents.export.recording import recorded_episodes
from sushi_bench import console
from sushi_bench.commands.options import JsonOption, ScenarioOption, TrustOption, need_training
from sushi_env import DEFAULT_SCENARIO, InputError, compile_scenario, get_scenario

CHECKED_EPISODES = 5


def export(
    model: Annotated[str, typer.Option(help="A trained agent, as for `evaluate --policy`.")],
    out: Annotated[Path, typer.Option(help="File to write, .onnx.")],
    scenario: ScenarioOption = DEFAULT_SCENARIO,
    trust: TrustOption = False,
    as_json: JsonOption = False,
) -> None:
    """Export a trained agent as ONNX, and check that its actions are the same."""
    if out.suffix != ".onnx":
        raise InputError(f"{out}: must end in .onnx")
    check_writable(out, f"file {out}")
    need("exporting needs", "train,onnx", "onnx", "onnxruntime", "onnxscript")
    need_training("exporting needs")
    from sushi_agents.export.onnx_export import export_onnx
    from sushi_agents.export.onnx_policy import OnnxPolicy

    problem = compile_scenario(get_scenario(scenario))
    agent = make_policy(model, problem, trust)
    export_onnx(agent, problem, out)
    exported = OnnxPolicy(out, problem)
    # What the agent sees when it acts: every observation of five episodes.
    episodes = recorded_episodes(problem, agent, CHECKED_EPISODES, name=model)
    seen = np.concatenate([episode.observations[:-1] for episode in episodes])
    expected = np.concatenate([episode.actions for episode in episodes])
    actions, _ = exported.predict(seen)
    different = int((actions != expected).any(axis=1).sum())
    if as_json:
        console.print_json(
            {
                "file": str(out),
                "scenario": problem.scenario.name,
                "observations": len(seen),
                "different": different,
            }
        )
    console.note(f"wrote {out}; its actions differ on {different} of {len(seen)} observations")
    if different:
        raise typer.Exit(1)
