"""Result files: what a policy did in every episode of a suite, as JSON Lines.

The first line is the header, then comes one row per episode, in the suite's order of scenarios,
then by seed. Nothing in a file depends on when, or on how many processes, it was computed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sushi_accel.files.atomic import replacing
from sushi_accel.files.documents import validate
from sushi_accel.files.json_text import parse_json
from sushi_accel.files.reading import as_text, named, read_bytes
from sushi_accel.shown import shown
from sushi_bench.results.schema import (
    FORMAT,
    SCHEMA,
    Header,
    Machine,
    Metrics,
    Row,
    RowOfFile,
    expected_keys,
    header_line,
)
from sushi_bench.suite.suite import get_suite
from sushi_env import EpisodeMetrics, InputError
from sushi_env.scenario.suites import suite_names

__all__ = [
    "RESULTS_SUFFIX",
    "SCHEMA",
    "Header",
    "Machine",
    "Metrics",
    "Results",
    "Row",
    "expected_keys",
    "header_line",
    "parse_header",
    "parse_row",
    "read_results",
    "write_results",
]

RESULTS_SUFFIX = ".jsonl"
MAX_FILE_BYTES = 16 * 1024**2
MAX_LINE_CHARACTERS = 64 * 1024


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


def write_results(path: Path, header: Header, rows: Iterable[Row]) -> None:
    """Writes a result file, so that nobody reads half of it.

    Raises:
        InputError: If it cannot be written.
    """
    text = "".join([header_line(header), *(row.as_line() for row in rows)])
    with replacing(path, named("result file", path)) as part:
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
                f"suite's order, then by seed), is scenario {shown(row.scenario)}, seed {row.seed}"
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
    header = validate(Header, FORMAT.upgraded(parse_json(line, where), where), where)
    if header.suite not in (known := suite_names()):
        raise InputError(f"{where}: suite = {shown(header.suite)}: known here: {', '.join(known)}")
    suite = get_suite(header.suite)
    if header.suite_digest != suite.digest:
        raise InputError(
            f"{where}: suite_digest = {shown(header.suite_digest)}: suite {suite.version} has "
            f"{suite.digest!r}"
        )
    if header.first_seed != suite.first_seed:
        raise InputError(f"{where}: first_seed = {header.first_seed}: must be {suite.first_seed}")
    if header.episodes > suite.episodes:
        raise InputError(f"{where}: episodes = {header.episodes}: must be in 1..{suite.episodes}")
    allowed = {name: d for name, d in suite.digests.items() if name in header.scenarios}
    if list(header.scenarios.items()) != list(allowed.items()):
        for name, digest in header.scenarios.items():
            if suite.digests.get(name, None) != digest:
                known = suite.digests.get(
                    name, f"no such scenario; it has {', '.join(suite.digests)}"
                )
                raise InputError(
                    f"{where}: scenarios.{shown(name)} = {shown(digest)}: suite {suite.version} "
                    f"has {known}"
                )
        raise InputError(f"{where}: scenarios: must be in the order of suite {suite.version}")
    return header


def parse_row(line: str, where: str) -> Row:
    """A row from its line.

    Raises:
        InputError: If it is not one, or a metric is out of range.
    """
    row: Any = validate(RowOfFile, parse_json(line, where), where)
    return Row(row.scenario, row.seed, EpisodeMetrics(**row.metrics.model_dump()), row.upper)


def _check_upper(row: Row, header: Header, where: str) -> None:
    if (row.upper is not None) != (header.kind == "bound"):
        says = "missing, but this is" if row.upper is None else "given, but this is not"
        raise InputError(f"{where}: key 'upper' is {says} a file of kind 'bound'")


def _lines(path: Path) -> list[str]:
    text = as_text(read_bytes(path, named("result file", path), MAX_FILE_BYTES), str(path))
    if not text.endswith("\n"):
        n = text.count("\n") + 1
        raise InputError(f"{path}, line {n}: the file ends inside a line; every line ends in \\n")
    lines = text.removesuffix("\n").split("\n")
    for n, line in enumerate(lines, start=1):
        if len(line) > MAX_LINE_CHARACTERS:
            raise InputError(
                f"{path}, line {n}: has {len(line)} characters, must have at most "
                f"{MAX_LINE_CHARACTERS}"
            )
    return lines
