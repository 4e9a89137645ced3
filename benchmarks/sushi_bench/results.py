"""Result files: what a policy did in every episode of a suite, as JSON Lines.

The first line is the header, then comes one row per episode, in the suite's order of scenarios,
then by seed. Nothing in a file depends on when, or on how many processes, it was computed.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from sushi_accel.atomic import replacing
from sushi_accel.documents import validate
from sushi_bench.suite import EPISODES, FIRST_SEED, SUITES, get_suite
from sushi_env import EpisodeMetrics, InputError

SCHEMA = "sushi-bench-results/1"
RESULTS_SUFFIX = ".jsonl"
MAX_FILE_BYTES = 64 * 1024**2

HIGHEST = {
    "utility": 1.0,
    "goodput_accuracy": 100.0,
    "slo_attainment": 1.0,
    "floor_attainment": 1.0,
    "served_accuracy": 100.0,
    "drop_rate": 1.0,
    "cache_hit_ratio": 1.0,
}
"""The largest value of metrics that have one; all but `reward` are at least 0."""

_STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


def _text(longest: int, shortest: int = 0) -> Any:
    """Text of one line: no control characters, nor the characters that turn its direction."""
    pattern = r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$"
    return Annotated[str, Field(min_length=shortest, max_length=longest, pattern=pattern)]


def _metric(name: str) -> Any:
    if name == "reward":
        return float
    return Annotated[float, Field(ge=0, le=HIGHEST.get(name))]


Metrics: Any = create_model(
    "Metrics",
    __config__=_STRICT,
    **{field.name: (_metric(field.name), ...) for field in fields(EpisodeMetrics)},
)
"""`EpisodeMetrics` as a file may state them."""


class Machine(BaseModel):
    """What the results were computed on."""

    model_config = _STRICT

    system: _text(100)
    architecture: _text(100)
    processor: _text(200)


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
    policy: _text(500, shortest=1)
    label: _text(100, shortest=1)
    author: _text(200)
    source: _text(500)
    description: _text(2000)
    kind: Literal["heuristic", "learned", "bound", "other"]
    versions: Annotated[dict[_text(100), _text(100)], Field(max_length=50)]
    machine: Machine
    scenarios: Annotated[dict[str, str], Field(min_length=1)]
    episodes: Annotated[int, Field(ge=1, le=EPISODES)]
    first_seed: int

    @property
    def partial(self) -> bool:
        """Whether scenarios or episodes of the suite are left out; such files rank nobody."""
        return self.episodes < EPISODES or list(self.scenarios) != list(SUITES[self.suite].digests)


class _Row(BaseModel):
    model_config = _STRICT

    scenario: str
    seed: int
    metrics: Metrics
    upper: Annotated[float, Field(ge=0)] | None = None


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


@dataclass(frozen=True)
class Results:
    """A result file, validated.

    Attributes:
        path: Where it was read from.
        header: Its first line.
        rows: The others: every scenario of the header, `episodes` rows each.
    """

    path: Path
    header: Header
    rows: list[Row]


def expected_keys(header: Header) -> list[tuple[str, int]]:
    """Scenario and seed of every row that a file with this header has, in order."""
    seeds = range(header.first_seed, header.first_seed + header.episodes)
    return [(scenario, seed) for scenario in header.scenarios for seed in seeds]


def header_line(header: Header) -> str:
    """The header as it stands in a file."""
    return json.dumps(header.model_dump(by_alias=True), ensure_ascii=False) + "\n"


def write_results(path: Path, header: Header, rows: Iterable[Row]) -> None:
    """Writes a result file, so that nobody reads half of it.

    Raises:
        InputError: If it cannot be written.
    """
    text = "".join([header_line(header), *(row.as_line() for row in rows)])
    with replacing(path, f"result file {path}") as part:
        part.write_bytes(text.encode())


def read_results(path: Path) -> Results:
    """Reads a result file and checks everything in it but the numbers' truth.

    Raises:
        InputError: One line that names the file, the line, and what is allowed.
    """
    lines = _lines(path)
    header = parse_header(lines[0], f"{path}, line 1")
    keys = expected_keys(header)
    rows = []
    for n, ((scenario, seed), line) in enumerate(zip(keys, lines[1:], strict=False), start=2):
        row = parse_row(line, f"{path}, line {n}")
        if (row.scenario, row.seed) != (scenario, seed):
            raise InputError(
                f"{path}, line {n}: must be scenario {scenario!r}, seed {seed} (rows are in the "
                f"suite's order, then by seed), is scenario {row.scenario!r}, seed {row.seed}"
            )
        _check_upper(row, header, f"{path}, line {n}")
        rows.append(row)
    if len(lines) != 1 + len(keys):
        raise InputError(
            f"{path}, line {min(len(lines), len(keys) + 1) + 1}: must have {len(keys)} rows after "
            f"the header ({len(header.scenarios)} scenarios of {header.episodes} episodes), has "
            f"{len(lines) - 1}"
        )
    return Results(path, header, rows)


def parse_header(line: str, where: str) -> Header:
    """A header from its line.

    Raises:
        InputError: If it is not one, or not of a suite that is known here.
    """
    contents = _json(line, where)
    if isinstance(contents, dict) and contents.get("schema", SCHEMA) != SCHEMA:
        raise InputError(
            f"{where}: schema = {str(contents['schema'])[:80]!r}: must be {SCHEMA!r}, which this "
            "version of sushi-env reads"
        )
    header = validate(Header, contents, where)
    suite = get_suite(header.suite)
    if header.suite_digest != suite.digest:
        raise InputError(
            f"{where}: suite_digest = {header.suite_digest!r}: suite {suite.version} has "
            f"{suite.digest!r}"
        )
    if header.first_seed != FIRST_SEED:
        raise InputError(f"{where}: first_seed = {header.first_seed}: must be {FIRST_SEED}")
    allowed = {name: d for name, d in suite.digests.items() if name in header.scenarios}
    if list(header.scenarios.items()) != list(allowed.items()):
        for name, digest in header.scenarios.items():
            if suite.digests.get(name, None) != digest:
                known = suite.digests.get(
                    name, f"no such scenario; it has {', '.join(suite.digests)}"
                )
                raise InputError(
                    f"{where}: scenarios.{name} = {digest!r}: suite {suite.version} has {known}"
                )
        raise InputError(f"{where}: scenarios: must be in the order of suite {suite.version}")
    return header


def parse_row(line: str, where: str) -> Row:
    """A row from its line.

    Raises:
        InputError: If it is not one, or a metric is out of range.
    """
    row = validate(_Row, _json(line, where), where)
    return Row(row.scenario, row.seed, EpisodeMetrics(**row.metrics.model_dump()), row.upper)


def _check_upper(row: Row, header: Header, where: str) -> None:
    if (row.upper is not None) != (header.kind == "bound"):
        says = "missing, but this is" if row.upper is None else "given, but this is not"
        raise InputError(f"{where}: key 'upper' is {says} a file of kind 'bound'")


def _lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(f"result file {path}: cannot be read ({error.strerror})") from None
    if len(raw) > MAX_FILE_BYTES:
        raise InputError(f"result file {path}: larger than {MAX_FILE_BYTES} bytes")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        n = raw[: error.start].count(b"\n") + 1
        raise InputError(f"{path}, line {n}: not UTF-8") from None
    if not text.endswith("\n"):
        n = text.count("\n") + 1
        raise InputError(f"{path}, line {n}: the file ends inside a line; every line ends in \\n")
    return text.removesuffix("\n").split("\n")


def _json(line: str, where: str) -> Any:
    try:
        return json.loads(line, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON ({error})") from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key {repeated!r} stands there twice")
    return found
