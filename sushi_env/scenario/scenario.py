"""Scenarios: one validated, immutable description of what is served, where, and to whom."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from sushi_accel import board_names, supernet_names
from sushi_accel.files.documents import validate, write_atomically
from sushi_accel.files.reading import file_digest, named
from sushi_accel.files.versions import Format
from sushi_accel.files.yaml_text import read_yaml
from sushi_accel.registry import is_file_name
from sushi_accel.shown import shown
from sushi_env.rewards import COMPONENTS, REWARD_PRESETS
from sushi_env.scenario.digest import counted
from sushi_env.scenario.traffic import Arrivals, PoissonArrivals, TraceArrivals

MAX_FILE_BYTES = 1024**2
FORMAT = Format("schema_version", 1, unstated=1)


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
    slo: Annotated[float, Field(ge=1e-3, le=1000)]  # a thousandth is below any service
    floor: Annotated[float, Field(ge=0, le=100)] = 0.0


Weight = Annotated[float, Field(ge=-1e6, le=1e6)]
"""Of a component: a step's reward is then finite in float32, whatever is dropped in it."""

Share = Annotated[float, Field(ge=0, le=1e6)]
"""Of a class, relative to the other classes'."""


_weights: Any = dict.fromkeys(COMPONENTS, (Weight | None, None))
RewardWeights = create_model("RewardWeights", __base__=_Frozen, **_weights)
"""Weights of reward components that replace the preset's; see `sushi_env.rewards`."""


class Scenario(_Frozen):
    """What is served, on what, under which traffic, and what is rewarded.

    Attributes:
        name: Short name.
        description: A sentence on what the scenario is for.
        supernet: Name of a SuperNet, or path of a SuperNet file.
        board: Name of a preset board, or path of a board file.
        table: Path of a saved SushiAbs table (.npz), which then replaces the one that would
            be built from the five fields around this one; for measured hardware.
        pb_kib: Persistent Buffer, KiB; the board's own if not given.
        bandwidth_gbs: Off-chip bandwidth, GB/s; the board's own if not given.
        subgraphs: Number of SubGraphs G that the table offers, the empty one included.
        load: Offered load: arrival rate times the fastest SubNet's uncached latency. Not
            given with closed-loop arrivals, where it follows from the decisions.
        arrivals: The arrival process; see `sushi_env.scenario.traffic`.
        classes: The SLO classes.
        regimes: Mixes of classes: for each regime, one weight per class.
        regime_queries: Mean number of queries a regime lasts before another takes over.
        service_jitter: Coefficient of variation of a log-normal factor on each query's
            service time, of mean 1 and drawn per query, whatever serves it; 0 is none.
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
    table: str | None = None
    pb_kib: Annotated[int, Field(ge=0, le=1024**2)] | None = None
    bandwidth_gbs: Annotated[float, Field(ge=1e-3, le=1e5)] | None = None
    subgraphs: Annotated[int, Field(ge=1, le=1000)] = 16
    # Below a ten-thousandth nobody ever waits, and long episodes' times lose digits.
    load: Annotated[float, Field(ge=1e-4, le=100)] | None = None
    arrivals: Arrivals = PoissonArrivals()
    classes: Annotated[tuple[SloClass, ...], Field(min_length=1, max_length=64)]
    regimes: Annotated[tuple[tuple[Share, ...], ...], Field(min_length=1, max_length=64)]
    regime_queries: Annotated[float, Field(ge=1, le=1e9)] = 200.0
    service_jitter: Annotated[float, Field(ge=0, le=1)] = 0.0
    queue_capacity: Annotated[int, Field(ge=1, le=4096)] = 64
    admission: Literal["keep", "drop_hopeless"] = "keep"
    queries: Annotated[int, Field(ge=1, le=10**9)] = 1000
    reward: str = "tradeoff"
    reward_weights: RewardWeights = RewardWeights()  # type: ignore[valid-type]

    @model_validator(mode="after")
    def _check(self) -> "Scenario":
        for key, known in (
            ("supernet", supernet_names()),
            ("board", board_names()),
            ("reward", list(REWARD_PRESETS)),
        ):
            value = getattr(self, key)
            if value not in known and not (key != "reward" and is_file_name(value)):
                path = "" if key == "reward" else ", or a path to a .yaml"
                raise ValueError(f"{key} = {shown(value)}, known: {', '.join(known)}{path}")
        closed = self.arrivals.kind == "closed_loop"
        if closed != (self.load is None):
            raise ValueError(
                "load: must not be given with closed-loop arrivals"
                if closed
                else "key 'load' is missing: it must be given unless arrivals are closed-loop"
            )
        for i, weights in enumerate(self.regimes):
            if len(weights) != len(self.classes):
                raise ValueError(
                    f"regimes.{i} has {len(weights)} weights, one for each of the "
                    f"{len(self.classes)} classes is needed"
                )
            if sum(weights) == 0:
                raise ValueError(f"regimes.{i} = {shown(weights)}: weights must be >= 0, not all 0")
        return self

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of everything but the description, and later keys at their default.

        Files that the scenario names count by their contents, wherever they lie.

        Raises:
            InputError: If such a file cannot be read.
        """
        contents = counted(self)
        for key in ("supernet", "board"):
            if is_file_name(contents[key]):
                contents[key] = file_digest(contents[key], named("file", contents[key]))
        if self.table is not None:
            contents["table"] = file_digest(self.table, named("table", self.table))
        if isinstance(self.arrivals, TraceArrivals):
            contents["arrivals"] |= {"path": self.arrivals.digest(), "sha256": None}
        return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()

    def replace(self, **changes: Any) -> "Scenario":
        """A copy with some fields changed, validated again.

        Raises:
            InputError: If the result is not a valid scenario.
        """
        return parse_scenario({**self.model_dump(), **changes}, where=f"scenario {self.name!r}")

    def beside(self, folder: Path) -> "Scenario":
        """The same, with relative paths of files taken from `folder`."""
        changes: dict[str, Any] = {
            key: str(folder / getattr(self, key))
            for key in ("supernet", "board")
            if is_file_name(getattr(self, key))
        }
        if self.table is not None:
            changes["table"] = str(folder / self.table)
        if isinstance(self.arrivals, TraceArrivals):
            changes["arrivals"] = self.arrivals.beside(folder)
        return self.model_copy(update=changes) if changes else self

    def to_yaml(self) -> str:
        """The scenario as YAML that `load_scenario` reads back to an equal object."""
        contents = {FORMAT.key: FORMAT.version}
        contents |= self.model_dump(mode="json", exclude_none=True)
        return yaml.safe_dump(contents, sort_keys=False, width=96)


def parse_scenario(contents: Any, where: str) -> Scenario:
    """Validates plain data as a scenario.

    Args:
        contents: A mapping of the fields of `Scenario`, and `schema_version` if it is not 1.
        where: What the data came from, for the error message.

    Returns:
        The scenario.

    Raises:
        InputError: One line that names the key, the value, and what is allowed.
    """
    contents = FORMAT.upgraded(contents, where)
    if isinstance(contents, dict):
        contents = {key: value for key, value in contents.items() if key != FORMAT.key}
    return validate(Scenario, contents, where)


def load_scenario(path: str | Path) -> Scenario:
    """Reads a scenario from a YAML file; paths in it are relative to the file.

    Raises:
        InputError: If the file is missing, too large, not YAML, or not a valid scenario.
    """
    where = named("scenario file", path)
    scenario = parse_scenario(read_yaml(path, where, MAX_FILE_BYTES), where)
    return scenario.beside(Path(path).parent)


def save_scenario(scenario: Scenario, path: str | Path) -> None:
    """Writes a scenario as YAML that `load_scenario` reads back.

    Raises:
        InputError: If the file cannot be written.
    """
    write_atomically(path, scenario.to_yaml(), named("scenario file", path))
