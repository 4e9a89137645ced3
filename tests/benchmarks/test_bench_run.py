"""`sushi bench run`: the same bytes however it runs, is interrupted, or loses a worker."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

import sushi_agents.zoo
from chosen import BUSY, FLASH, OTHER_BUSY, RESULTS, SUITE
from sushi_bench.commands.app import app
from sushi_bench.results.files import read_results
from sushi_bench.running.local_workers import Wanted
from sushi_bench.running.suite_run import (
    Backend,
    Report,
    choose_backend,
    plan,
    run_plans,
    suite_baselines,
)
from sushi_bench.running.suite_tasks import Outcome, Task, run_task
from sushi_bench.suite.suite import get_suite
from sushi_env import InputError

RESNET, MOBILENET = BUSY, OTHER_BUSY
SUSHI = [sys.executable, "-c", "from sushi_bench.main import main; main()"]
PATIENCE_S = 120

POLICIES = """
import os, time
from pathlib import Path
import numpy as np


class Fast:
    def __init__(self, problem):
        pass

    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        return np.zeros((len(observation), 2)), state


class Waits(Fast):
    "Stops at the second scenario for as long as there is a file `wait`."
    def __init__(self, problem):
        if problem.scenario.supernet == "mobilenetv3":
            Path("worker").write_text(str(os.getpid()))
            while Path("wait").exists():
                time.sleep(0.05)


class DiesOnce(Fast):
    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        if not Path("died").exists():
            Path("died").touch()
            os.kill(os.getpid(), 9)
        return np.zeros((len(observation), 2)), state


class Dies(Fast):
    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        os._exit(0)


class OnlyResNet(Fast):
    def __init__(self, problem):
        if problem.scenario.supernet != "resnet50":
            raise ValueError("not my kind")
"""


@pytest.fixture(autouse=True)
def _folder_with_policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shelf.py").write_text(POLICIES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "shelf", raising=False)


def in_process(tasks: Iterable[Task], wanted: Wanted) -> Generator[tuple[Task, Outcome]]:
    """A backend without processes."""
    for task in tasks:
        if wanted(task):
            yield task, run_task(task)


def run(
    policies: Sequence[str], out: str, backend: Backend = in_process, episodes: int = 50
) -> Report:
    only = [RESNET, MOBILENET]
    return run_plans(plan(policies, get_suite(SUITE), Path(out), only, episodes), backend)


def test_any_number_of_processes_gives_the_same_bytes():
    names = ["slackfit", "random"]
    report = run(names, "here")
    assert report.computed == 200
    run(names, "spread", choose_backend("local", 2, None))
    for path in report.files.values():
        assert (Path("spread") / path.name).read_bytes() == path.read_bytes()
    assert sorted(p.name for p in Path("spread").iterdir()) == ["random.jsonl", "slackfit.jsonl"]


def test_a_killed_run_continues_and_gives_the_same_bytes():
    run(["shelf:Waits"], "whole.jsonl")
    Path("worker").unlink()
    Path("wait").touch()
    command = [
        *SUSHI, "bench", "run", "--policy", "shelf:Waits", "--out", "killed.jsonl", "--jobs", "1",
        "--scenario", RESNET, "--scenario", MOBILENET, "--json",
    ]  # fmt: skip
    journal = Path("killed.jsonl.partial")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE_S
    while not Path("worker").exists() or journal.read_bytes().count(b"\n") < 3:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    wait_for_end(int(Path("worker").read_text()))
    assert not Path("killed.jsonl").exists()

    with journal.open("ab") as file:  # as if it had been killed in the middle of a write
        file.write(f'[{{"scenario": "{MOBILENET[:6]}'.encode())
    Path("wait").unlink()
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert (report["continued"], report["computed"], report["started_anew"]) == (50, 50, [])
    assert Path("killed.jsonl").read_bytes() == Path("whole.jsonl").read_bytes()
    assert not journal.exists()


def wait_for_end(worker: int) -> None:
    """Returns when a process has gone: the workers of a killed run end themselves."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        if "\nState:\tZ" in Path(f"/proc/{worker}/status").read_text():  # nobody collects it here
            return
        time.sleep(0.05)
    pytest.fail(f"worker {worker} outlives its parent")


@pytest.mark.slow
def test_a_worker_that_dies_is_replaced():
    Path("died").touch()
    run(["shelf:DiesOnce"], "whole.jsonl")
    Path("died").unlink()
    report = run(["shelf:DiesOnce"], "died.jsonl", choose_backend("local", 2, None))
    assert Path("died").exists()
    assert report.errors == {}
    assert Path("died.jsonl").read_bytes() == Path("whole.jsonl").read_bytes()


@pytest.mark.slow
def test_a_policy_that_ends_its_processes_does_not_end_the_others():
    run(["min-latency"], "alone")
    names = ["shelf:Dies", "min-latency", "nonsense"]
    report = run(names, "together", choose_backend("local", 2, None))
    assert list(report.files) == ["min-latency"]
    alone, together = (Path(folder) / "min-latency.jsonl" for folder in ("alone", "together"))
    assert together.read_bytes() == alone.read_bytes()
    ended = "policy 'shelf:Dies' ended its process"
    assert report.errors["shelf:Dies"] == {RESNET: ended, MOBILENET: ended}
    assert set(report.errors["nonsense"]) == {RESNET, MOBILENET}
    assert not Path("together/shelf_Dies.jsonl").exists()


def test_a_policy_that_fails_in_one_scenario_is_run_in_the_others():
    report = run(["shelf:OnlyResNet", "min-latency"], "out", episodes=30)
    says = "policy 'shelf:OnlyResNet' cannot be built: ValueError: not my kind"
    assert report.errors == {"shelf:OnlyResNet": {MOBILENET: says}}
    assert report.computed == 90
    assert list(report.files) == ["min-latency"]
    again = run(["shelf:OnlyResNet"], "out", episodes=30)
    assert (again.continued, again.computed, again.started_anew) == (30, 0, [])


def test_a_changed_policy_or_author_starts_an_interrupted_run_anew():
    run(["shelf:OnlyResNet"], "out", episodes=2)
    shelf = Path("shelf.py")
    shelf.write_text(POLICIES.replace('!= "resnet50"', '== "none"'))
    del sys.modules["shelf"]
    report = run(["shelf:OnlyResNet"], "out", episodes=2)
    assert report.started_anew == ["shelf:OnlyResNet"]
    assert (report.continued, report.computed) == (0, 4)
    assert list(report.files) == ["shelf:OnlyResNet"]


def test_the_command_groups_complaints_and_exits_with_2(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sushi_bench.commands.bench.run.choose_backend", lambda *_: in_process)
    Path("shelf.py").write_text(POLICIES.replace('!= "resnet50"', '!= "none"'))
    names = (RESNET, MOBILENET, FLASH)
    only = [part for name in names for part in ("--scenario", name)]
    command = ["bench", "run", "--policy", "shelf:OnlyResNet", "--episodes", "2", *only]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 2
    assert done.stderr == (
        f"sushi: shelf:OnlyResNet, {RESNET} and 2 more: policy 'shelf:OnlyResNet' cannot be "
        "built: ValueError: not my kind\n"
    )


def test_scenarios_without_an_agent_in_the_zoo_do_not_end_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("torch")
    zoo = tmp_path / "zoo"
    (zoo / SUITE).mkdir(parents=True)
    for file in sushi_agents.zoo.zoo_folder().glob(f"{SUITE}/mobilenetv3-busy.*"):
        (zoo / SUITE / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(sushi_agents.zoo, "zoo_folder", lambda: zoo)
    report = run(["zoo"], "zoo.jsonl", episodes=2)
    says = f"the zoo has no agent for scenario '{RESNET}'; it has: {MOBILENET}"
    assert report.errors == {"zoo": {RESNET: says}}
    assert report.computed == 2


@pytest.mark.parametrize("policy", ["zoo", "generalist"])
def test_the_zoo_is_credited_and_complete_over_the_suite(policy: str):
    (whole,) = plan([policy], get_suite(SUITE), Path("out"))
    assert not whole.header.partial
    assert (whole.header.author, whole.header.kind) == ("sushi-env", "learned")
    assert "torch" in whole.header.versions


def test_static_subnets_run_where_they_exist_and_baselines_are_all():
    suite = get_suite(SUITE)
    (found,) = plan(["static-G"], suite, Path("out"))
    assert found.header.partial
    assert {name.split("-")[1] for name in found.header.scenarios} == {"mobilenetv3"}
    names = suite_baselines(suite.scenarios())
    committed = RESULTS
    assert {f"{name}.jsonl" for name in names} <= {path.name for path in committed.iterdir()}


@pytest.mark.parametrize(
    ("policies", "out", "only", "episodes", "says"),
    [
        (
            ["random"],
            "out",
            ["none"],
            50,
            f"suite {SUITE} has no scenario 'none'; it has {SUITE}-res",
        ),
        (["random"], "out", [], 51, "episodes = 51, must be in 1..50"),
        (["random", "infaas"], "out.jsonl", [], 50, "one file cannot hold 2 policies"),
        (["a:b_c", "a_b:c"], "out", [], 50, "would be of both 'a:b_c' and 'a_b:c'"),
        (
            ["static-Z"],
            "out",
            [],
            50,
            "policy 'static-Z' exists in none of the scenarios; there are: ",
        ),
    ],
)
def test_plans_that_cannot_be_are_refused(
    policies: list[str], out: str, only: list[str], episodes: int, says: str
):
    with pytest.raises(InputError, match=says):
        plan(policies, get_suite(SUITE), Path(out), only, episodes)


def test_a_result_file_is_where_it_was_asked_for_and_is_read_back():
    report = run(["infaas+cache-last"], "deep/er/file.jsonl", episodes=1)
    results = read_results(report.files["infaas+cache-last"])
    assert results.header.policy == "infaas+cache-last"
    assert results.header.kind == "heuristic"
    assert results.header.description.endswith("Caches as cache-last.")
