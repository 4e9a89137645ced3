"""Named scenarios, and how a name or a file becomes a scenario."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from sushi_accel import InputError
from sushi_env.scenario.scenario import Scenario, SloClass, load_scenario, parse_scenario
from sushi_env.scenario.suites import scenario_files

# Three kinds of customer: one in a hurry, one ordinary, one that wants the best answer. Each
# regime is dominated by one of them, which is the temporal locality that caching lives from.
_CLASSES = (
    SloClass(name="interactive", slo=0.4, floor=75.0),
    SloClass(name="standard", slo=1.0, floor=76.0),
    SloClass(name="quality", slo=3.0, floor=79.0),
)
_REGIMES = ((0.8, 0.15, 0.05), (0.15, 0.7, 0.15), (0.1, 0.3, 0.6))

_NAMED = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            name="resnet50-steady",
            description="Poisson traffic at a comfortable load; class mixes shift slowly.",
            load=0.2,
            classes=_CLASSES,
            regimes=_REGIMES,
        ),
        Scenario(
            name="resnet50-busy",
            description="Poisson traffic at a load that only small SubNets carry.",
            load=0.5,
            classes=_CLASSES,
            regimes=_REGIMES,
        ),
        Scenario(
            name="resnet50-starved",
            description="A board with little off-chip bandwidth, where weights dominate latency.",
            board="zcu104-overlapped",
            bandwidth_gbs=0.3,
            load=0.2,
            classes=_CLASSES,
            regimes=_REGIMES,
        ),
    )
}


def scenario_names() -> list[str]:
    """Names of the registered scenarios; those of the suites are among them."""
    return [*_NAMED, *scenario_files()]


@lru_cache(maxsize=64)
def _of_suite(name: str) -> Scenario:
    return load_scenario(scenario_files()[name])


def get_scenario(scenario: Scenario | str | Path | dict[str, Any]) -> Scenario:
    """Returns a scenario itself, the one registered under a name, or the one in a YAML file.

    Args:
        scenario: A scenario, a registered name, a path that ends in `.yaml` or `.yml`, or a
            mapping of a scenario's fields.

    Returns:
        The scenario.

    Raises:
        InputError: If there is no such name, or the file is not a valid scenario.
    """
    if isinstance(scenario, Scenario):
        return scenario
    if isinstance(scenario, dict):
        return parse_scenario(scenario, "scenario")
    if str(scenario) in _NAMED:
        return _NAMED[str(scenario)]
    if str(scenario) in scenario_names():
        return _of_suite(str(scenario))
    if Path(scenario).suffix in {".yaml", ".yml"}:
        return load_scenario(scenario)
    known = ", ".join(scenario_names())
    raise InputError(f"unknown scenario {str(scenario)!r}; known: {known}, or a path to a .yaml")
