"""Where the suites are: each a folder of scenarios and of what is made of them.

A suite is `sushi_env/suites/NAME`: `suite.yaml` lists its scenarios, `scenarios/` holds them,
`hyperparameters.yaml` says how each is learned, `training.yaml` which agents are trained. Results,
agents and pages lie in folders of the same name.
"""

from pathlib import Path

from sushi_accel.defaults import SUITE
from sushi_accel.errors import InputError

FOLDER = Path(__file__).parents[1] / "suites"


def suite_names() -> list[str]:
    """Names of the suites there are."""
    return sorted(path.parent.name for path in FOLDER.glob("*/suite.yaml"))


def suite_folder(suite: str) -> Path:
    """The folder of a suite.

    Raises:
        InputError: If there is no such suite.
    """
    if suite not in suite_names():
        raise InputError(f"unknown suite {suite!r}; known: {', '.join(suite_names())}")
    return FOLDER / suite


def in_suite(stem: str, suite: str = SUITE) -> str:
    """Full name of the scenario that a suite calls `stem`."""
    return f"{suite}-{stem}"


def suite_of(scenario: str) -> tuple[str, str] | None:
    """The suite that a scenario is of, by name, and what it is called there; None if of none."""
    suite, _, stem = scenario.partition("-")
    return (suite, stem) if scenario in scenario_files() else None


def scenario_files() -> dict[str, Path]:
    """Files of all suites' scenarios, by full name, sorted."""
    found = {
        in_suite(path.stem, path.parents[1].name): path
        for path in FOLDER.glob("*/scenarios/*.yaml")
    }
    return dict(sorted(found.items()))
