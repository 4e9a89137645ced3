"""Reward components, and the presets that weigh them.

`REWARD_COMPONENTS` is the one place where a component is declared; `sushi_env.engine.service`
computes it. The reward of a step is the sum of its components, weighted by the scenario's preset.
Under `tradeoff`, being dropped is worse than any service, late or not. Under `utility` an
episode's return is the sum of its utilities.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from sushi_accel import InputError


@dataclass(frozen=True)
class Component:
    """What each step reports, and rewards may be made of.

    Attributes:
        name: Its name.
        text: What it is.
        sign: 1 if more is better, -1 if it is a cost.
        highest: The largest value; the least is 0.
    """

    name: str
    text: str
    sign: int
    highest: float


REWARD_COMPONENTS = (
    Component(
        "utility",
        "that of the served query: 0 if late or below its floor, else 0.5 + 0.5 a",
        1,
        1,
    ),
    Component(
        "accuracy", "a = (top1 - lowest) / (highest - lowest) of the SubNet that served", 1, 1
    ),
    Component(
        "latency", "min(response time / SLO, 1); beyond the SLO the miss is charged instead", -1, 1
    ),
    Component("late", "1 if the response time exceeded the SLO", -1, 1),
    Component("below_floor", "1 if top-1 was below the query's floor", -1, 1),
    Component("dropped", "queries dropped in this step", -1, inf),
    Component(
        "energy",
        "off-chip energy of the step, reload included, over that of the costliest SubNet",
        -1,
        inf,
    ),
)

COMPONENTS = tuple(component.name for component in REWARD_COMPONENTS)
"""Their names, in order."""


def weights_of(given: Sequence[float], known: str, whose: str) -> dict[str, float]:
    """Weights by component, for a planner that must account for every one of them.

    Args:
        given: Weight of each component, in order.
        known: Names of those that it accounts for, separated by blanks.
        whose: The planner, for the error's text.

    Raises:
        InputError: If another has a weight.
    """
    weights = dict(zip(COMPONENTS, given, strict=True))
    for name, weight in weights.items():
        if weight and name not in known.split():
            raise InputError(f"{whose}: does not know reward component {name!r} (weight {weight})")
    return weights


def _preset(**weights: float) -> dict[str, float]:
    return dict.fromkeys(COMPONENTS, 0.0) | weights


REWARD_PRESETS: dict[str, dict[str, float]] = {
    "tradeoff": _preset(accuracy=1.0, latency=-0.5, late=-1.0, below_floor=-1.0, dropped=-3.0),
    "utility": _preset(utility=1.0),
    "energy": _preset(utility=1.0, energy=-0.25),
}
"""Weight of each component, by preset."""
