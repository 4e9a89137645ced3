"""Result files are validated when they are read: one line names the file, the line, the fault."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chosen import BUSY, OTHER_BUSY, SUITE
from sushi_bench.results.files import read_results, write_results
from sushi_bench.running.result_headers import Credits, make_header
from sushi_bench.running.suite_tasks import run_task, tasks_of
from sushi_bench.suite.suite import get_suite
from sushi_env import InputError

SCENARIOS = [BUSY, OTHER_BUSY]
DIGEST = get_suite(SUITE).digest[:8]
SUSHI = [sys.executable, "-c", "from sushi_bench.main import main; main()"]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scenarios of three episodes."""
    header = make_header("min-latency", get_suite(SUITE), SCENARIOS, episodes=3)
    rows = [row for task in tasks_of(header) for row in run_task(task).rows]
    path = tmp_path_factory.mktemp("honest") / "file.jsonl"
    write_results(path, header, rows)
    return path


def changed(honest: Path, to: Path, line: int, change: dict[str, Any]) -> Path:
    """A copy with keys of a line changed; None takes a key away; `a.b` is key b inside a."""
    lines = honest.read_text().splitlines()
    contents = json.loads(lines[line - 1])
    for key, value in change.items():
        *path, last = key.split(".")
        inner = contents
        for part in path:
            inner = inner[part]
        if value is None:
            del inner[last]
        else:
            inner[last] = value
    lines[line - 1] = json.dumps(contents)
    to.write_text("\n".join(lines) + "\n")
    return to


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_results(path)
    message = str(caught.value)
    assert "\n" not in message
    assert "\x1b" not in message
    assert len(message) < 800
    assert message.startswith((f"result file {path}, line ", f"result file {path}: "))
    return message.removeprefix(f"result file {path}, ")


def test_an_honest_file_is_read_and_written_back_byte_for_byte(honest: Path, tmp_path: Path):
    results = read_results(honest)
    assert results.header.partial
    assert [row.seed - 1_000_000_000 for row in results.rows] == [0, 1, 2, 0, 1, 2]
    write_results(tmp_path / "again.jsonl", results.header, results.rows)
    assert (tmp_path / "again.jsonl").read_bytes() == honest.read_bytes()


@pytest.mark.parametrize(
    ("line", "change", "says"),
    [
        (1, {"schema": "sushi-bench-results/2"}, r"line 1: schema = .*/2': written for a"),
        (1, {"schema": None}, "line 1: key 'schema' is missing"),
        (1, {"suite": "v9"}, f"line 1: suite = 'v9': known here: {SUITE}"),
        (1, {"suite_digest": "0" * 64}, f".*suite_digest = '0000.*': suite {SUITE} has '{DIGEST}"),
        (1, {f"scenarios.{BUSY}": "0" * 64}, f"line 1: scenarios.'{BUSY}' = '00"),
        (1, {"scenarios.my-own": "0" * 64}, "line 1: scenarios.'my-own' = .* no such scenario"),
        (1, {"score": 1.0}, "line 1: unknown key 'score'; known: schema, suite, suite_digest"),
        (1, {"machine.host": "me"}, "line 1: unknown key 'machine.host'; known: system, arch"),
        (1, {"first_seed": 7}, "line 1: first_seed = 7: must be 1000000000"),
        (1, {"episodes": 51}, "line 1: episodes = 51: must be in 1..50"),
        (1, {"episodes": 2}, f"line 4: must be scenario '{OTHER_BUSY}', seed 1000000000"),
        (1, {"kind": "best"}, "line 1: kind = 'best': Input should be 'heuristic'"),
        (1, {"label": ""}, "line 1: label = '': String should have at least 1 character"),
        (1, {"label": "two\nlines"}, "line 1: label = .*: String should match pattern"),
        (1, {"label": "\x1b[31mred"}, "line 1: label = .*: String should match pattern"),
        (1, {"author": "\u202enosrep"}, "line 1: author = .*: String should match pattern"),
        (1, {"description": "x" * 2001}, "line 1: description = .*: String should have at most"),
        (1, {"versions": {"\x1b[2J": "1"}}, "line 1: versions.\\\\x1b.*: String should match"),
        (1, {"kind": "bound"}, "line 2: key 'upper' is missing, but this is a file of kind 'bound"),
        (3, {"upper": 1.0}, "line 3: key 'upper' is given, but this is not"),
        (3, {"extra": 1}, "line 3: unknown key 'extra'; known: scenario, seed, metrics, upper"),
        (3, {"metrics.extra": 1}, "line 3: unknown key 'metrics.extra'; known: utility"),
        (3, {"metrics.utility": None}, "line 3: key 'metrics.utility' is missing"),
        (3, {"metrics.utility": 1.5}, "line 3: metrics.utility = 1.5: Input should be less than"),
        (3, {"metrics.utility": "0.5"}, "line 3: metrics.utility = '0.5': Input should be a valid"),
        (3, {"metrics.utility": True}, "line 3: metrics.utility = True: Input should be a valid"),
        (3, {"metrics.utility": float("nan")}, "line 3: metrics.utility = nan: Input should be"),
        (3, {"metrics.latency_p99_s": float("inf")}, "line 3: metrics.latency_p99_s = inf: Input"),
        (3, {"metrics.reloads": -1.0}, "line 3: metrics.reloads = -1.0: Input should be greater"),
        (3, {"seed": 1_000_000_000}, f"line 3: must be scenario '{BUSY}', seed 100000"),
        (3, {"scenario": SCENARIOS[1]}, f"line 3: must be scenario '{BUSY}', seed 10000"),
        (3, {"scenario": "x" * 9999}, "line 3: scenario = 'xxx.*: String should have at most 100"),
        (3, {"y" * 9999: 1}, "line 3: unknown key .*yyy"),
    ],
)  # fmt: skip
def test_a_changed_line_is_refused(
    honest: Path, tmp_path: Path, line: int, change: dict[str, Any], says: str
):
    assert re.match(says, refusal(changed(honest, tmp_path / "bad.jsonl", line, change)))


def doctored(name: str, lines: list[str]) -> str:
    """Contents of a file whose lines, rather than their keys, are wrong."""
    rest = "\n".join(lines) + "\n"
    return {
        "truncated": rest[:-20],
        "no last newline": rest[:-1],
        "missing row": "\n".join(lines[:3] + lines[4:]) + "\n",
        "missing last row": "\n".join(lines[:-1]) + "\n",
        "duplicate row": "\n".join([*lines[:3], lines[2], *lines[3:]]) + "\n",
        "row too many": rest + lines[-1] + "\n",
        "empty line": rest + "\n",
        "only the header": lines[0] + "\n",
        "huge line": "\n".join([lines[0], '{"x": "' + "x" * 100_000 + '"}', *lines[2:]]) + "\n",
        "deep line": "\n".join([lines[0], "[" * 50_000, *lines[2:]]) + "\n",
        "not JSON": "\n".join([lines[0], lines[1].replace(":", "="), *lines[2:]]) + "\n",
        "a list": "\n".join([lines[0], "[1, 2]", *lines[2:]]) + "\n",
        "key twice": "\n".join([lines[0], lines[1].replace("{", '{"seed": 1, ', 1)]) + "\n",
        "number of 5000 digits": "\n".join([lines[0], '{"seed": ' + "9" * 5000 + "}"]) + "\n",
        "empty": "",
    }[name]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("truncated", "line 7: the file ends inside a line"),
        ("no last newline", "line 7: the file ends inside a line"),
        ("missing row", f"line 4: must be scenario '{BUSY}', seed 1000000002"),
        ("missing last row", "line 7: must have 6 rows after the header .*, has 5"),
        ("duplicate row", f"line 4: must be scenario '{BUSY}', seed 1000000002"),
        ("row too many", "line 8: must have 6 rows after the header .*, has 7"),
        ("empty line", "line 8: must have 6 rows after the header .*, has 7"),
        ("only the header", "line 2: must have 6 rows after the header .*, has 0"),
        ("huge line", "line 2: has 100009 characters, must have at most 65536"),
        ("deep line", "line 2: not JSON"),
        ("not JSON", "line 2: not JSON"),
        ("a list", "line 2: must be a mapping of keys, is list"),
        ("key twice", "line 2: not JSON .key 'seed' stands there twice"),
        ("number of 5000 digits", "line 2: not JSON"),
        ("empty", "line 1: the file ends inside a line"),
    ],
)
def test_wrong_lines_are_refused(honest: Path, tmp_path: Path, name: str, says: str):
    path = tmp_path / "bad.jsonl"
    path.write_text(doctored(name, honest.read_text().splitlines()))
    assert re.match(says, refusal(path))


def test_files_that_are_no_text_or_too_large_are_refused(honest: Path, tmp_path: Path):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(honest.read_bytes() + b"\xff\n")
    assert refusal(path) == "line 8: not UTF-8 text"
    path.write_bytes(b"\n" * (16 * 1024**2 + 1))
    assert refusal(path).endswith("16777217 bytes, more than 16777216")
    assert refusal(tmp_path).endswith("cannot be read (it is a folder)")
    assert refusal(tmp_path / "none.jsonl").endswith("cannot be read (No such file or directory)")


def test_the_command_says_it_in_one_line(honest: Path, tmp_path: Path):
    path = changed(honest, tmp_path / "bad.jsonl", 3, {"metrics.utility": float("nan")})
    command = [*SUSHI, "bench", "verify", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"sushi: result file {path}, line 3: metrics.utility = nan: ")


def test_what_people_say_of_a_policy_is_checked_before_anything_runs():
    said = Credits(author="a\nb")
    with pytest.raises(InputError, match=r"policy 'random': author = 'a\\nb'"):
        make_header("random", get_suite(SUITE), SCENARIOS, said=said)


def test_a_file_that_cannot_be_written_is_one_line(honest: Path):
    results = read_results(honest)
    with pytest.raises(InputError, match="cannot be written"):
        write_results(honest / "below a file.jsonl", results.header, results.rows)
