"""`sushi bench verify`: honest files pass, doctored ones do not."""

import json
import re
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from chosen import BUSY, OTHER_BUSY, RESULTS, SUITE
from sushi_bench.commands.app import app
from sushi_bench.results.files import Results, read_results
from sushi_bench.running.local_workers import Wanted
from sushi_bench.running.suite_run import plan, run_plans
from sushi_bench.running.suite_tasks import EPISODES_PER_TASK, Outcome, Task, run_task
from sushi_bench.running.verify import verify
from sushi_bench.suite.suite import get_suite
from sushi_env import InputError

COMMITTED = RESULTS
SCENARIOS = [BUSY, OTHER_BUSY]
EPISODES = 30


def in_process(tasks: Iterable[Task], wanted: Wanted) -> Generator[tuple[Task, Outcome]]:
    for task in tasks:
        if wanted(task):
            yield task, run_task(task)


def backwards(tasks: Iterable[Task], wanted: Wanted) -> Generator[tuple[Task, Outcome]]:
    """As processes may: the last task ends first."""
    for task in reversed(list(tasks)):
        if wanted(task):
            yield task, run_task(task)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("honest") / "file.jsonl"
    run_plans(plan(["slackfit"], get_suite(SUITE), path, SCENARIOS, EPISODES), in_process)
    return path


def doctored(honest: Path, to: Path, changes: dict[int, dict[str, float]]) -> Results:
    """The results with metrics of some lines changed, by line number."""
    lines = honest.read_text().splitlines()
    for number, metrics in changes.items():
        row = json.loads(lines[number - 1])
        row["metrics"] |= metrics
        lines[number - 1] = json.dumps(row)
    to.write_text("\n".join(lines) + "\n")
    return read_results(to)


def test_an_honest_file_passes_whole_and_sampled(honest: Path):
    results = read_results(honest)
    whole = verify(results, in_process)
    assert (whole.checked, whole.mismatch, whole.error, whole.versions) == (60, None, None, {})
    assert verify(results, in_process, sample=1, seed=0).checked in (5, 25)


def test_the_committed_results_are_what_the_policies_do_here():
    for policy in ("lookahead", "sushisched-accuracy", "static-F"):
        found = verify(read_results(COMMITTED / f"{policy}.jsonl"), in_process, sample=1, seed=1)
        assert (found.mismatch, found.error, found.checked) == (None, None, EPISODES_PER_TASK)


@pytest.mark.parametrize("backend", [in_process, backwards])
def test_the_first_row_and_metric_that_differ_are_named(honest: Path, tmp_path: Path, backend):
    honest_row = read_results(honest).rows[43 - 2].metrics
    better = float(np.nextafter(honest_row.utility, 2))
    changes = {
        43: {"utility": better, "reward": 5.0},
        58: {"utility": 1.0},
        44: {"drop_rate": 1.0},
    }
    found = verify(doctored(honest, tmp_path / "bad.jsonl", changes), backend).mismatch
    assert found is not None
    assert (found.line, found.scenario, found.seed) == (
        43,
        SCENARIOS[1],
        get_suite(SUITE).first_seed + 11,
    )
    assert (found.metric, found.recorded, found.recomputed) == (
        "utility",
        better,
        honest_row.utility,
    )


def test_a_sample_finds_a_doctored_row_when_it_draws_its_task(honest: Path, tmp_path: Path):
    bad = doctored(honest, tmp_path / "bad.jsonl", {30: {"offchip_bytes": 0.0}})
    found = {seed: verify(bad, in_process, 1, seed) for seed in range(12)}
    hit = [seed for seed, result in found.items() if result.mismatch is not None]
    assert 0 < len(hit) < 12
    assert {found[seed].mismatch.line for seed in hit} == {30}  # type: ignore[union-attr]
    again = verify(bad, in_process, 1, hit[0])
    assert again == found[hit[0]]


def test_a_row_of_another_policy_is_found(honest: Path):
    found = verify(read_results(honest), in_process, policy="min-latency").mismatch
    assert found is not None
    assert found.line == 2


def test_a_policy_that_is_not_here_is_an_error(honest: Path):
    found = verify(read_results(honest), in_process, policy="nonsense")
    assert (found.checked, found.mismatch) == (0, None)
    assert found.error is not None
    assert found.error.startswith(f"{SCENARIOS[0]}: unknown policy 'nonsense'")


def test_samples_out_of_range_are_refused(honest: Path):
    with pytest.raises(InputError, match=r"sample = 61, must be in 1\.\.60"):
        verify(read_results(honest), in_process, sample=61)


def test_nobody_but_the_clairvoyant_is_a_bound(honest: Path, tmp_path: Path):
    lines = [json.loads(line) for line in honest.read_text().splitlines()]
    lines[0]["kind"] = "bound"
    path = tmp_path / "bound.jsonl"
    path.write_text("".join(json.dumps(line | {"upper": 1.0}) + "\n" for line in lines[1:]))
    path.write_text(json.dumps(lines[0]) + "\n" + path.read_text())
    with pytest.raises(InputError, match="only if its policy is 'clairvoyant', this one's is 'sl"):
        verify(read_results(path), in_process)


def call(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["bench", "verify", *map(str, arguments)])


def test_the_command(honest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sushi_bench.commands.bench.verify.choose_backend", lambda *_: in_process)
    done = call(honest)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"{honest}: 60 of 60 rows run again, all the same.\n"
    done = call(honest, "--sample", 2, "--seed", 3)
    assert re.search(r"rows run again, all the same \(draw of seed 3\)\.\n$", done.stdout)

    bad = tmp_path / "bad.jsonl"
    doctored(honest, bad, {30: {"utility": 1.0}})
    was = read_results(honest).rows[28].metrics.utility
    done = call(bad)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        f"sushi: {bad}, line 30: scenario {BUSY}, seed 1000000028, utility: recorded "
        f"1.0, recomputed {was!r}\n"
    )
    done = call(bad, "--json")
    assert done.exit_code == 2
    found = json.loads(done.stdout)
    assert (found["verified"], found["first_difference"]["line"]) == (False, 30)


def test_a_file_cannot_make_verify_run_a_module_of_its_choice(honest: Path, tmp_path: Path):
    lines = honest.read_text().splitlines(keepends=True)
    header = json.loads(lines[0]) | {"policy": "os:abort"}
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps(header) + "\n" + "".join(lines[1:]))
    done = call(path)
    assert isinstance(done.exception, InputError)
    assert "pass --trust if you know where it comes from" in str(done.exception)


def test_other_versions_are_told(honest: Path, tmp_path: Path):
    lines = honest.read_text().splitlines(keepends=True)
    header = json.loads(lines[0])
    here = header["versions"]["numba"]
    header["versions"]["numba"] = "0.1"
    path = tmp_path / "old.jsonl"
    path.write_text(json.dumps(header) + "\n" + "".join(lines[1:]))
    found = verify(read_results(path), in_process, sample=1, seed=0)
    assert found.versions == {"numba": ("0.1", here)}
