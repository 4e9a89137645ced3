"""Scenarios: one validated, immutable description of what is served, where, and to whom."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sushi_accel import InputError, board_names, supernet_names
from sushi_env.rewards import REWARD_PRESETS

MAX_FILE_BYTES = 1024**2


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SloClass(_Frozen):
    """One kind of query.

    Attributes:
        name: Short name.
        slo: Latency SLO as a multiple of the largest SubNet's uncached latency.
        floor: Accuracy floor, percent top-1.
    """

    name: Annotated[str, Field(min_length=1, max_length=64)]
    slo: Annotated[float, Field(gt=0, le=1000)]
    floor: Annotated[float, Field(ge=0, le=100)] = 0.0


class PoissonArrivals(_Frozen):
    """Memoryless arrivals."""

    kind: Literal["poisson"] = "poisson"


class RewardWeights(_Frozen):
    """Weights of reward components that replace the preset's; see `sushi_env.rewards`."""

    utility: float | None = None
    accuracy: float | None = None
    latency: float | None = None
    late: float | None = None
    below_floor: float | None = None
    dropped: float | None = None
    energy: float | None = None

    def given(self) -> dict[str, float]:
        """The weights that replace the preset's."""
        return self.model_dump(exclude_none=True)


class Scenario(_Frozen):
    """What is served, on what, under which traffic, and what is rewarded.

    Attributes:
        name: Short name.
        description: A sentence on what the scenario is for.
        supernet: Name of a SuperNet.
        board: Name of a preset board.
        pb_kib: Persistent Buffer, KiB; the board's own if not given.
        bandwidth_gbs: Off-chip bandwidth, GB/s; the board's own if not given.
        subgraphs: Number of SubGraphs G that the table offers, the empty one included.
        load: Offered load: arrival rate times the fastest SubNet's uncached latency.
        arrivals: The arrival process.
        classes: The SLO classes.
        regimes: Mixes of classes: for each regime, one weight per class.
        regime_queries: Mean number of queries a regime lasts before another takes over.
        queue_capacity: Waiting queries the queue holds; one that finds it full is dropped.
        admission: `keep`, or `drop_hopeless`: drop what no SubNet could serve in time.
        queries: Resolved (served or dropped) queries after which an episode is truncated.
        reward: Name of a reward preset.
        reward_weights: Weights that replace the preset's, by component.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    description: Annotated[str, Field(max_length=1000)] = ""
    supernet: str = "resnet50"
    board: str = "zcu104"
    pb_kib: Annotated[int, Field(ge=0, le=1024**2)] | None = None
    bandwidth_gbs: Annotated[float, Field(gt=0, le=1e5)] | None = None
    subgraphs: Annotated[int, Field(ge=1, le=1000)] = 16
    load: Annotated[float, Field(gt=0, le=100)]
    arrivals: PoissonArrivals = PoissonArrivals()
    classes: Annotated[tuple[SloClass, ...], Field(min_length=1, max_length=64)]
    regimes: Annotated[tuple[tuple[float, ...], ...], Field(min_length=1, max_length=64)]
    regime_queries: Annotated[float, Field(ge=1, le=1e9)] = 200.0
    queue_capacity: Annotated[int, Field(ge=1, le=4096)] = 64
    admission: Literal["keep", "drop_hopeless"] = "keep"
    queries: Annotated[int, Field(ge=1, le=10**9)] = 1000
    reward: str = "tradeoff"
    reward_weights: RewardWeights = RewardWeights()

    @model_validator(mode="after")
    def _check(self) -> "Scenario":
        for key, known in (
            ("supernet", supernet_names()),
            ("board", board_names()),
            ("reward", list(REWARD_PRESETS)),
        ):
            if getattr(self, key) not in known:
                raise ValueError(f"{key} = {getattr(self, key)!r}, known: {', '.join(known)}")
        for i, weights in enumerate(self.regimes):
            if len(weights) != len(self.classes):
                raise ValueError(
                    f"regimes.{i} has {len(weights)} weights, one for each of the "
                    f"{len(self.classes)} classes is needed"
                )
            if min(weights) < 0 or sum(weights) <= 0:
                raise ValueError(f"regimes.{i} = {weights}: weights must be >= 0, not all 0")
        return self

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of everything but the description."""
        contents = self.model_dump(mode="json", exclude={"description"})
        return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()

    def replace(self, **changes: Any) -> "Scenario":
        """A copy with some fields changed, validated again.

        Raises:
            InputError: If the result is not a valid scenario.
        """
        return parse_scenario({**self.model_dump(), **changes}, where=f"scenario {self.name!r}")

    def to_yaml(self) -> str:
        """The scenario as YAML that `load_scenario` reads back to an equal object."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)


def parse_scenario(contents: Any, where: str) -> Scenario:
    """Validates plain data as a scenario.

    Args:
        contents: A mapping of the fields of `Scenario`.
        where: What the data came from, for the error message.

    Returns:
        The scenario.

    Raises:
        InputError: One line that names the key, the value, and what is allowed.
    """
    if not isinstance(contents, dict):
        raise InputError(f"{where}: must be a mapping of keys, is {type(contents).__name__}")
    try:
        return Scenario.model_validate(contents)
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        if not first["loc"]:
            raise InputError(f"{where}: {message}") from None
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = _known_keys(first["loc"])
            raise InputError(f"{where}: unknown key {key!r}; known: {known}") from None
        if first["type"] == "missing":
            raise InputError(f"{where}: key {key!r} is missing") from None
        shown = repr(first["input"])
        shown = shown if len(shown) <= 80 else shown[:77] + "..."
        raise InputError(f"{where}: {key} = {shown}: {message}") from None


def _known_keys(location: tuple[int | str, ...]) -> str:
    """Keys allowed where the last part of `location` stands."""
    models = {"classes": SloClass, "arrivals": PoissonArrivals, "reward_weights": RewardWeights}
    parent = models.get(str(location[0]), Scenario) if len(location) > 1 else Scenario
    return ", ".join(parent.model_fields)


def load_scenario(path: str | Path) -> Scenario:
    """Reads a scenario from a YAML file.

    Raises:
        InputError: If the file is missing, too large, not YAML, or not a valid scenario.
    """
    path = Path(path)
    where = f"scenario file {path}"
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(f"{where}: cannot be read ({error.strerror})") from None
    if len(raw) > MAX_FILE_BYTES:
        raise InputError(f"{where}: larger than {MAX_FILE_BYTES} bytes")
    try:
        contents = yaml.safe_load(raw)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        at = "" if line is None else f" (line {line + 1})"
        raise InputError(f"{where}: not valid YAML{at}") from None
    return parse_scenario(contents, where)
