"""`sushi render`: an episode as a picture or a film."""

import importlib.util
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from sushi_accel.files.atomic import check_writable, replacing
from sushi_agents import make_policy
from sushi_bench import console
from sushi_bench.commands.options import JsonOption, ScenarioOption, TrustOption
from sushi_bench.episodes.episode_recording import Span, chosen_span, record_episode, shown_seconds
from sushi_env import DEFAULT_SCENARIO, InputError, Problem, compile_scenario, get_scenario
from sushi_env.rendering.record import EpisodeRecord

MOST_POLICIES = 2
MOST_FRAMES = 3000
NEEDED = {
    ".png": ("matplotlib",),
    ".svg": ("matplotlib",),
    ".pdf": ("matplotlib",),
    ".gif": ("pygame", "PIL"),
    ".mp4": ("pygame", "imageio_ffmpeg"),
}
"""Modules that each kind of file is made with."""

FILMS = (".gif", ".mp4")


def render(
    out: Annotated[
        Path,
        typer.Option(help="File to write: a film (.gif, .mp4) or a timeline (.png, .svg, .pdf)."),
    ],
    scenario: ScenarioOption = DEFAULT_SCENARIO,
    policy: Annotated[
        list[str] | None,
        typer.Option(help="A policy, as for `evaluate`; repeat to see two on the same arrivals."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the episode.")] = 0,
    first: Annotated[int, typer.Option("--from", help="First query to show, from 0.")] = 0,
    queries: Annotated[int, typer.Option(help="Number of queries to show.")] = 40,
    seconds: Annotated[float, typer.Option(help="Length of a film, seconds.")] = 12.0,
    fps: Annotated[int, typer.Option(help="Frames per second of a film.")] = 10,
    trust: TrustOption = False,
    as_json: JsonOption = False,
) -> None:
    """Draw part of an episode: a film of it, or a timeline, for one policy or two."""
    _check_file(out)
    names = list(dict.fromkeys(policy or ["sushisched-accuracy"]))
    if len(names) > MOST_POLICIES:
        raise InputError(f"{len(names)} policies, must be at most {MOST_POLICIES}")
    frames = _frame_count(seconds, fps) if out.suffix in FILMS else 0
    problem = compile_scenario(get_scenario(scenario))
    span = chosen_span(problem, seed, first, queries)
    policies = {name: make_policy(name, problem, trust) for name in names}
    records: dict[str, EpisodeRecord] = {}
    for name, chosen in policies.items():
        with console.working(f"running {name}", span.last) as work:
            records[name] = record_episode(problem, chosen, seed, span, name, work)
    if out.suffix in FILMS:
        with console.working("painting", frames) as work:
            _write_film(problem, records, seed, span, out, frames, fps, work.advance)
    if out.suffix not in FILMS:
        from sushi_accel.figures import save_picture
        from sushi_bench.episodes.pictures_episode import episode_timeline

        save_picture(episode_timeline(problem, records, seed, span), out)
    if as_json:
        console.print_json(_as_json(problem, records, seed, span, out, frames))
    else:
        console.note(f"wrote {out}")


def _check_file(out: Path) -> None:
    """Finds out before any work is done whether the file can be written.

    Raises:
        InputError: If the ending is unknown, an extra missing, or the folder not writable.
    """
    if out.suffix not in NEEDED:
        raise InputError(f"{out}: must end in {', '.join(NEEDED)}")
    if any(importlib.util.find_spec(module) is None for module in NEEDED[out.suffix]):
        raise InputError(f"{out.suffix} files need more: pip install 'sushi-env[render]'")
    check_writable(out, f"file {out}")


def _frame_count(seconds: float, fps: int) -> int:
    if not 1 <= fps <= 50:
        raise InputError(f"fps = {fps}, must be in 1..50")
    if not 0 < seconds * fps <= MOST_FRAMES:
        raise InputError(
            f"seconds = {seconds:g}, must be above 0 and at most {MOST_FRAMES / fps:g} "
            f"at {fps} frames per second"
        )
    return max(round(seconds * fps), 1)


def _write_film(
    problem: Problem,
    records: dict[str, EpisodeRecord],
    seed: int,
    span: Span,
    out: Path,
    count: int,
    fps: int,
    on_frame: Any,
) -> None:
    from sushi_bench.episodes.films import film_frames, write_gif, write_mp4

    frames = film_frames(problem, records, seed, span, count)
    write = write_gif if out.suffix == ".gif" else write_mp4
    with replacing(out, f"film {out}") as part:
        write(frames, part, fps, on_frame)


def _as_json(
    problem: Problem,
    records: dict[str, EpisodeRecord],
    seed: int,
    span: Span,
    out: Path,
    frames: int,
) -> dict[str, Any]:
    """What `--json` prints; the policies' sums are over the episode up to the last query shown."""
    begin, end = shown_seconds(problem, seed, span, next(iter(records.values())))
    return {
        "file": str(out),
        "scenario": problem.scenario.name,
        "seed": seed,
        "first": span.first,
        "last": span.last - 1,
        "begin_s": begin,
        "end_s": end,
        "frames": frames,
        "policies": {name: asdict(record.totals) for name, record in records.items()},
    }
