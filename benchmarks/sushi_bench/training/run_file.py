"""What `sushi train` says of a run in its folder, as others read it: `run.json`."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from sushi_accel.files.documents import validate
from sushi_accel.files.json_text import read_json
from sushi_accel.files.reading import named


class RunFile(BaseModel):
    """A run. Keys that are not named here are kept, but nothing is known of them.

    Attributes:
        scenario: The scenario's fields.
        scenario_digest: Its digest.
        algo: Name of the algorithm.
        seed: The run's seed.
        hyperparameters: All settings.
        mixture: Scenarios drawn around `scenario` that it was trained on; 0: on itself.
    """

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False, strict=True)

    scenario: dict[str, Any]
    scenario_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    algo: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    hyperparameters: dict[str, Any]
    mixture: Annotated[int, Field(ge=0, le=10**9)] = 0


def read_run(folder: Path) -> RunFile:
    """Reads the `run.json` of a folder.

    Raises:
        InputError: If it is not there, or not what `sushi train` writes.
    """
    where = f"{named('run', folder)}: run.json"
    return validate(RunFile, read_json(folder / "run.json", where), where)
