"""Scenarios drawn at random around one, for agents that shall serve more than one."""

import numpy as np

from sushi_env import InputError, Problem, Scenario, compile_scenario

BOARDS = ("zcu104", "zcu104-overlapped", "alveo_u50", "paper_roofline")
MAX_SCENARIOS = 256
_ATTEMPTS = 100


def draw_mixture(base: Scenario, count: int, seed: int) -> list[Problem]:
    """Draws scenarios of one SuperNet.

    Board, memory and bandwidth, load, traffic, SLO classes and how they come and go, jitter,
    queue and admission are drawn; the SuperNet, the number of SubGraphs, the reward and the
    length of episodes are those of `base`. SubNets and SubGraphs are as many as in `base`, so
    that observations and actions have the same shape.

    Args:
        base: The scenario.
        count: How many to draw.
        seed: What they follow from.

    Returns:
        The compiled scenarios.

    Raises:
        InputError: If `count` is not in 1..256, or too few of those drawn have the shape.
    """
    if not 1 <= count <= MAX_SCENARIOS:
        raise InputError(f"mixture = {count}, must be in 1..{MAX_SCENARIOS}")
    rng = np.random.default_rng([seed, 0x6D6978])
    wanted = compile_scenario(base).layout
    drawn: list[Problem] = []
    for _ in range(count * _ATTEMPTS):
        problem = compile_scenario(_draw(base, rng, len(drawn)))
        if problem.layout == wanted:
            drawn.append(problem)
        if len(drawn) == count:
            return drawn
    raise InputError(
        f"mixture around scenario {base.name!r}: too few boards offer {wanted.num_subgraphs} "
        "SubGraphs"
    )


def _draw(base: Scenario, rng: np.random.Generator, number: int) -> Scenario:
    top1 = compile_scenario(base).table.top1
    low, high = float(top1.min()), float(top1.max())
    classes = []
    for name, strictest, loosest, ease in (
        ("interactive", 0.4, 1.2, 0.0),
        ("standard", 1.0, 2.5, 0.3),
        ("quality", 2.5, 5.0, 0.7),
    ):
        # Half of the interactive floors are below the smallest SubNet: any answer will do.
        floor = low + (high - low) * float(rng.uniform(ease - 0.25, ease + 0.25))
        slo = float(rng.uniform(strictest, loosest))
        classes.append({"name": name, "slo": round(slo, 2), "floor": round(floor, 2)})
    leaning = float(rng.uniform(0.5, 0.97))
    regimes = [
        [round(leaning if c == r else (1 - leaning) / 2, 4) for c in range(3)] for r in range(3)
    ]
    narrow = rng.random() < 0.4
    return base.replace(
        name=f"{base.supernet.replace('/', '-')[-32:]}-drawn-{number}",
        description="",
        table=None,
        board=str(rng.choice(BOARDS)),
        bandwidth_gbs=round(float(np.exp(rng.uniform(np.log(0.3), np.log(3)))), 3)
        if narrow
        else None,
        pb_kib=int(rng.integers(4, 24)) * 512 if narrow else None,
        load=round(float(rng.uniform(0.15, 0.9)), 3),
        arrivals=_draw_arrivals(rng),
        classes=classes,
        regimes=regimes,
        regime_queries=float(rng.integers(50, 400)),
        service_jitter=round(float(rng.uniform(0, 0.3)), 3) if rng.random() < 0.25 else 0.0,
        queue_capacity=int(rng.choice([24, 32, 64])),
        admission="drop_hopeless" if rng.random() < 0.2 else "keep",
    )


def _draw_arrivals(rng: np.random.Generator) -> dict[str, object]:
    kind = str(rng.choice(["poisson", "gamma", "mmpp", "diurnal", "flash_crowd"]))
    if kind == "gamma":
        return {"kind": kind, "scv": round(float(rng.uniform(0.3, 6)), 2)}
    if kind == "mmpp":
        fast = round(float(rng.uniform(1.2, 3)), 2)
        dwell = [float(rng.integers(50, 200)), float(rng.integers(25, 100))]
        return {"kind": kind, "rates": [0.5, fast], "dwell_queries": dwell}
    if kind == "diurnal":
        period, swing = float(rng.integers(250, 1000)), round(float(rng.uniform(0.3, 0.95)), 2)
        return {"kind": kind, "period_queries": period, "amplitude": swing}
    if kind == "flash_crowd":
        period, crowd = float(rng.integers(300, 800)), float(rng.integers(30, 100))
        peak = round(float(rng.uniform(3, 8)), 2)
        return {
            "kind": kind,
            "period_queries": period,
            "duration_queries": crowd,
            "peak": peak,
        }
    return {"kind": kind}
