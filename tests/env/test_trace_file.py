"""Recorded arrivals: read once and shared, and every bad file refused in one line."""

import gzip
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from sushi_accel.files import rows
from sushi_env import Engine, InputError, ServeEnv, compile_scenario, get_scenario, load_scenario
from sushi_env.scenario.trace_file import MAX_FILE_BYTES, load_trace, trace_digest, trace_gaps

ROWS = 100_000
PACKED = gzip.compress(b"arrival_s\n" + b"".join(b"%d\n" % n for n in range(5000)), mtime=0)
FLIPPED = PACKED[:40] + b"\xff" * 20 + PACKED[60:]
GIBBERISH = bytes(np.random.default_rng(0).integers(256, size=5000, dtype=np.uint8))


def csv(*lines: object) -> bytes:
    return "\n".join(str(line) for line in ("arrival_s", *lines, "")).encode()


MALFORMED = {
    "unsorted.csv": (csv(0, 1000000.7, 1000000.5), "line 4: arrival_s = 1000000.5 after 1000000.7"),
    "nan.csv": (csv(0, "nan", 2), "line 3: arrival_s = 'nan', must be a number of at least 0"),
    "infinite.csv": (csv(0, 1, "inf"), "line 4: arrival_s = 'inf', must be a number"),
    "overflow.csv": (csv(0, 1, "1e999"), "line 4: arrival_s = '1e999', must be a number"),
    "negative.csv": (csv(-1, 0, 1), "line 2: arrival_s = '-1', must be a number of at least 0"),
    "words.csv": (csv(0, 1, 2, "later"), "line 5: arrival_s = 'later', must be a number"),
    "spread.csv": (csv(0, '"1\n2"'), r"line 4: arrival_s = '1\n2', must be a number"),
    "long.csv": (csv(0, "7" * 10_000 + "x"), f"line 3: arrival_s = '{'7' * 76}..., must be"),
    "short_row.csv": (b"who,arrival_s\nann,0\nbob\n", "line 3: 1 fields, the header has 2"),
    "empty.csv": (b"", "is empty, must begin with a header that names 'arrival_s'"),
    "empty.csv.gz": (b"", "is empty, must begin with a header that names 'arrival_s'"),
    "header_only.csv": (csv(), "holds 0 arrivals, at least 2 are needed"),
    "one.csv": (csv(3), "holds 1 arrivals, at least 2 are needed"),
    "at_once.csv": (csv(5, 5, 5), "all arrivals at 5 s, must be spread over 1e-06 s or more"),
    "hairbreadth.csv": (csv(0, 0, 0, 5e-324), "all arrivals at 0 s, must be spread over"),
    "no_header.csv": (b"0\n1\n2\n", "column 'arrival_s' is missing"),
    "other_column.csv": (b"time,size\n0,1\n1,1\n", "column 'arrival_s' is missing"),
    "prose.csv": (b"It was the best of times,\nit was the worst of times.\n", "column 'arrival_s'"),
    "one_line.csv": (csv("0" * 100_000), "line 2: longer than 65536 characters"),
    "zeros.csv": (bytes(100_000), "line 1: longer than 65536 characters"),
    "gibberish.csv": (GIBBERISH, "not a CSV file of UTF-8 text"),
    "packed.csv": (PACKED, "not a CSV file of UTF-8 text"),
    "plain.csv.gz": (csv(0, 1), "cannot be read (Not a gzipped file"),
    "truncated.csv.gz": (PACKED[: len(PACKED) // 2], "cannot be read (Compressed file ended"),
    "stub.csv.gz": (PACKED[:5], "cannot be read (Compressed file ended"),
    "corrupt.csv.gz": (FLIPPED, "cannot be read (Error -3 while decompressing data"),
    "wrong_sum.csv.gz": (PACKED[:-8] + bytes(4) + PACKED[-4:], "cannot be read (CRC check failed"),
}  # fmt: skip


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_trace(path)
    message = str(caught.value)
    assert message.startswith(f"trace {path}")
    assert "\n" not in message
    assert len(message) < len(str(path)) + 200
    return message


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_trace_gives_one_line_that_names_file_and_row(name, tmp_path):
    content, expected = MALFORMED[name]
    path = tmp_path / name
    path.write_bytes(content)
    message = refusal(path)
    assert expected in message
    assert message.startswith(f"trace {path}, line" if "line" in expected else f"trace {path}: ")


def test_what_is_no_file_is_said(tmp_path):
    assert "cannot be read (No such file" in refusal(tmp_path / "gone.csv")
    assert "cannot be read (it is a folder)" in refusal(tmp_path)
    with pytest.raises(InputError, match=r"^trace a\\x00b: cannot be read .embedded null byte"):
        load_trace("a\0b")
    os.mkfifo(tmp_path / "pipe.csv")  # of which reading would wait for a writer
    assert "cannot be read (not a regular file)" in refusal(tmp_path / "pipe.csv")


def traced_peak(call) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_ten_gigabytes_are_refused_unread(tmp_path, monkeypatch):
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.write(csv(0, 1, 2))
        file.truncate(10 * 1024**3)
    monkeypatch.setattr(Path, "open", None)
    assert traced_peak(lambda: refusal(path)) < 100_000
    assert f"{10 * 1024**3} bytes, more than {MAX_FILE_BYTES}" in refusal(path)


def test_a_small_archive_of_a_huge_file_is_not_read_to_its_end(tmp_path, monkeypatch):
    one_line, blank_lines = tmp_path / "line.csv.gz", tmp_path / "blank.csv.gz"
    one_line.write_bytes(gzip.compress(b"arrival_s\n" + b"0" * 2**25, compresslevel=1, mtime=0))
    assert traced_peak(lambda: refusal(one_line)) < 2_000_000
    assert "line 2: longer than" in refusal(one_line)
    monkeypatch.setattr(rows, "MAX_LINES", 1000)
    blank_lines.write_bytes(gzip.compress(csv(0, 1) + b"\n" * 10_000))
    assert "line 1001: more than 1000 lines" in refusal(blank_lines)


def test_a_mistake_in_a_scenarios_trace_ends_the_command_in_one_line(tmp_path):
    (tmp_path / "bad.csv").write_bytes(MALFORMED["nan.csv"][0])
    traced = get_scenario("resnet50-steady").replace(arrivals={"kind": "trace", "path": "bad.csv"})
    (tmp_path / "bad.yaml").write_text(traced.to_yaml())
    for use in (compile_scenario, ServeEnv, lambda scenario: scenario.digest):
        with pytest.raises(InputError, match=r"trace .*bad.csv, line 3: arrival_s = 'nan'"):
            use(load_scenario(tmp_path / "bad.yaml"))
    command = [str(Path(sys.executable).with_name("sushi")), "evaluate", "--scenario", "bad.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "trace bad.csv, line 3: arrival_s = 'nan', must be a number of at least 0" in done.stderr


def test_a_trace_other_than_the_one_meant_is_refused(tmp_path):
    path = tmp_path / "times.csv"
    path.write_bytes(csv(0, 1, 3))
    steady = get_scenario("resnet50-steady")
    digest = trace_digest(load_trace(path))
    meant = {"kind": "trace", "path": str(path), "sha256": digest}
    compile_scenario(steady.replace(arrivals=meant))
    path.write_bytes(csv(0, 1, 3.5))
    with pytest.raises(
        InputError, match=rf"times.csv: its times have .*, the scenario means {digest}"
    ):
        compile_scenario(steady.replace(arrivals=meant))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", csv(0, 0.25, 7)),
        ("a.csv.gz", gzip.compress(csv(0, 0.25, 7), mtime=0)),
        ("a.csv", csv(0, 0.25, 7).replace(b"\n", b"\r\n")),
        ("a.csv", b"\xef\xbb\xbf" + csv(0, 0.25, 7)),
        ("a.csv", csv("0.0", "", " 2.5e-1 ", "", "", '"7"').rstrip()),
        ("a.csv", b'who, arrival_s ,n\n"x,y",0,1\nb,0.25,2\nc,7\n'),
    ],
)
def test_one_trace_in_several_spellings(name, content, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    assert load_trace(path).tolist() == [0, 0.25, 7]


@pytest.fixture(scope="module")
def long_trace(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("trace") / "long.csv"
    times = np.random.default_rng(1).exponential(size=ROWS).cumsum().round(6)
    path.write_bytes(csv(*times.tolist()))
    return path


def test_a_long_trace_is_read_in_little_more_memory_than_its_times_take(long_trace):
    assert long_trace.stat().st_size > 1_000_000
    assert traced_peak(lambda: load_trace(long_trace)) < 2 * 8 * ROWS + 200_000
    packed = long_trace.with_suffix(".csv.gz")
    packed.write_bytes(gzip.compress(long_trace.read_bytes()))
    assert traced_peak(lambda: load_trace(packed)) < 2 * 8 * ROWS + 200_000
    np.testing.assert_array_equal(load_trace(packed), load_trace(long_trace))
    assert len(load_trace(packed)) == ROWS


def test_all_environments_of_a_process_share_one_copy_of_a_trace(long_trace):
    arrivals = {"kind": "trace", "path": str(long_trace), "jitter_s": 0.5}
    scenario = get_scenario("resnet50-busy").replace(arrivals=arrivals)
    batch, other = Engine(compile_scenario(scenario), 1000), ServeEnv(scenario)
    gaps = trace_gaps(long_trace, 0.5)
    assert gaps.shape == (ROWS,)
    assert gaps.mean() == pytest.approx(1)
    assert not gaps.flags.writeable
    assert batch.problem.trace is gaps
    assert batch._memory.arrays.trace is gaps
    assert other.problem.trace is gaps

    def another() -> Engine:
        return Engine(compile_scenario(scenario), 1000)

    plain = scenario.replace(arrivals={"kind": "poisson"})
    without = traced_peak(lambda: Engine(compile_scenario(plain), 1000))
    assert traced_peak(another) < without + ROWS
