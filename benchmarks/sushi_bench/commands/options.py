"""Options that several commands share."""

from typing import Annotated

import typer

ScenarioOption = Annotated[
    str, typer.Option("--scenario", help="A registered scenario, or a path to a .yaml file.")
]
EpisodesOption = Annotated[int, typer.Option("--episodes", help="Episodes per policy.")]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else there.")
]
TrustOption = Annotated[
    bool, typer.Option("--trust", help="Load model files that can execute code.")
]
