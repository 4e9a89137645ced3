"""What a result file holds: its header, and one row per episode."""

import json
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from sushi_accel.files.versions import Format
from sushi_bench.suite.suite import get_suite
from sushi_env import EpisodeMetrics
from sushi_env.engine.metrics import METRICS

FORMAT = Format("schema", 1, prefix="sushi-bench-results/")
SCHEMA = FORMAT.stated

_STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)

_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$"
"""No control characters, nor those that end a line or turn the direction of what follows."""

ShortText = Annotated[str, Field(max_length=100, pattern=_ONE_LINE)]
Text = Annotated[str, Field(max_length=200, pattern=_ONE_LINE)]
LongText = Annotated[str, Field(max_length=500, pattern=_ONE_LINE)]
Paragraph = Annotated[str, Field(max_length=2000, pattern=_ONE_LINE)]
NotEmpty = Field(min_length=1)
Seed = Annotated[int, Field(ge=0, lt=2**63)]


_metric_fields: Any = {
    name: (Annotated[float, Field(ge=metric.least, le=metric.most)], ...)
    for name, metric in METRICS.items()
}
Metrics = create_model("Metrics", __config__=_STRICT, **_metric_fields)
"""`EpisodeMetrics` as a file may state them."""

RowOfFile = create_model(
    "RowOfFile",
    __config__=_STRICT,
    scenario=(ShortText, ...),
    seed=(Seed, ...),
    metrics=(Metrics, ...),
    upper=(Annotated[float | None, Field(ge=0)], None),
)
"""`Row` as a file may state it."""


class Machine(BaseModel):
    """What the results were computed on."""

    model_config = _STRICT

    system: ShortText
    architecture: ShortText
    processor: Text


class Header(BaseModel):
    """The first line of a result file.

    Attributes:
        suite: Version of the suite.
        suite_digest: Its digest.
        policy: The policy, as `--policy` takes it.
        label: What it is called on the page.
        author: Who made it.
        source: Where it comes from: an address, or a text.
        description: What it does.
        kind: `bound` for the clairvoyant bound, whose rows have an `upper`.
        versions: Version of each package that takes part.
        machine: What the results were computed on.
        scenarios: Digests of the scenarios by name, in the suite's order.
        episodes: Episodes of each scenario.
        first_seed: Seed of the first; episode k has `first_seed` + k.
    """

    model_config = _STRICT

    schema_: Annotated[Literal["sushi-bench-results/1"], Field(alias="schema")]
    suite: Annotated[str, Field(min_length=1, max_length=32)]
    suite_digest: Annotated[str, Field(max_length=64)]
    policy: Annotated[LongText, NotEmpty]
    label: Annotated[ShortText, NotEmpty]
    author: Text
    source: LongText
    description: Paragraph
    kind: Literal["heuristic", "learned", "bound", "other"]
    versions: Annotated[dict[ShortText, ShortText], Field(max_length=50)]
    machine: Machine
    scenarios: Annotated[dict[str, str], Field(min_length=1)]
    episodes: Annotated[int, Field(ge=1)]
    first_seed: Seed

    @property
    def partial(self) -> bool:
        """Whether scenarios or episodes of the suite are left out; such files rank nobody."""
        of_all = list(self.scenarios) == list(get_suite(self.suite).digests)
        return not (self.has_all_episodes and of_all)

    @property
    def has_all_episodes(self) -> bool:
        """Whether it has all of the suite's episodes in the scenarios that it has."""
        return self.episodes == get_suite(self.suite).episodes


@dataclass(frozen=True)
class Row:
    """One episode.

    Attributes:
        scenario: Name of the scenario.
        seed: Seed of the episode.
        metrics: What came of it.
        upper: For the clairvoyant bound: no scheduler's utility is higher.
    """

    scenario: str
    seed: int
    metrics: EpisodeMetrics
    upper: float | None = None

    def as_line(self) -> str:
        """The row as it stands in a file."""
        row = {"scenario": self.scenario, "seed": self.seed, "metrics": asdict(self.metrics)}
        if self.upper is not None:
            row["upper"] = self.upper
        return json.dumps(row, allow_nan=False) + "\n"


def expected_keys(header: Header) -> list[tuple[str, int]]:
    """Scenario and seed of every row that a file with this header has, in order."""
    seeds = range(header.first_seed, header.first_seed + header.episodes)
    return [(scenario, seed) for scenario in header.scenarios for seed in seeds]


def header_line(header: Header) -> str:
    """The header as it stands in a file."""
    return json.dumps(header.model_dump(by_alias=True), ensure_ascii=False) + "\n"
