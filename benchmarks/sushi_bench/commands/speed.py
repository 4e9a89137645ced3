"""`sushi speed`: throughput, beside what people know."""

from typing import Annotated

import typer

from sushi_agents import baseline_names
from sushi_bench import console
from sushi_bench.commands.options import JsonOption, ScenarioOption, jobs_or_all, need_training
from sushi_bench.speed import engine_speed as speed
from sushi_env import DEFAULT_SCENARIO, Problem, compile_scenario, get_scenario


def speed_(
    scenario: ScenarioOption = DEFAULT_SCENARIO,
    repeats: Annotated[int, typer.Option(help="Times that each is measured.", min=1)] = 5,
    seconds: Annotated[float, typer.Option(help="How long each time.", min=0.001)] = 0.5,
    threads: Annotated[
        int | None,
        typer.Option(
            help="Threads of the engine's second rows, default all; or of PyTorch.", min=1
        ),
    ] = None,
    policies: Annotated[
        bool, typer.Option("--policies", help="Measure the baselines' decisions too.")
    ] = False,
    training: Annotated[
        bool, typer.Option("--training", help="Measure training with PPO, and nothing else.")
    ] = False,
    steps: Annotated[
        int, typer.Option(help="Steps of each training that is measured.", min=10_000)
    ] = 1_000_000,
    as_json: JsonOption = False,
) -> None:
    """Measure the engine, its interfaces, a plain-Python twin and CartPole, in one run."""
    problem = compile_scenario(get_scenario(scenario))
    if training:
        _training(problem, repeats, steps, threads, as_json)
        return
    found = speed.contenders(problem, jobs_or_all(threads))
    if policies:
        found += speed.policy_contenders(problem, baseline_names(problem))
    with console.working("measuring", repeats * len(found)) as work:
        speeds = speed.measure(found, repeats, seconds, work.advance)
    result = speed.as_json(found, speeds)
    if as_json:
        console.print_json(result)
        return
    cartpole = result["cartpole"]["median"]
    rows = [
        (
            contender.name,
            f"{contender.num_envs:,}",
            contender.threads,
            *(f"{rate:,.0f}" for rate in (measured.median, measured.min, measured.max)),
            f"{measured.median / cartpole:.2f}",
        )
        for contender, measured in zip(found, speeds, strict=True)
    ]
    columns = ("what", "environments", "threads", "steps/s", "lowest", "highest", "x CartPole")
    console.out.print(console.table(columns, rows))
    for name, ratio in result["ratios"].items():
        console.say(f"{name} = {ratio:.2f}")


def _training(
    problem: Problem, repeats: int, steps: int, threads: int | None, as_json: bool
) -> None:
    need_training("training needs")
    from sushi_bench.speed.training_speed import seconds_to_pass, training_speed

    with console.working("training and CartPole", repeats) as work:
        result = training_speed(problem, repeats, steps, threads, work.advance)
    with console.working("passing the heuristics") as work:
        passed = seconds_to_pass(problem, on_progress=work)
    times = [seconds for seconds in passed.values() if seconds is not None]
    beaten = max(times) if len(times) == len(passed) else None
    result |= {"seconds_to_beat": beaten, "seconds_to_pass": passed}
    if as_json:
        console.print_json(result)
        return
    rows: list[tuple[object, ...]] = []
    for name in ("default", "mlp", "cartpole"):
        row = result[name]
        rates = (f"{row[key]:,.0f}" for key in ("steps_per_s", "lowest", "highest"))
        rows.append((name, *rates, f"{row['ratio_to_cartpole']:.2f}"))
    columns = ("learner", "steps/s", "lowest", "highest", "x CartPole")
    console.out.print(console.table(columns, rows))
    rows = [
        (name, "not passed" if seconds is None else f"{seconds:.1f} s")
        for name, seconds in sorted(passed.items(), key=lambda item: item[1] or float("inf"))
    ]
    title = f"reward on {problem.scenario.name}"
    console.out.print(console.table(("heuristic", "passed after"), rows, title))
    shares = ", ".join(f"{name} {share:.1%}" for name, share in result["shares"].items())
    console.say(f"default's time: {shares}")
