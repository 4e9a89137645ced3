"""`sushi bench run --backend ray`: a real Ray, one of whose workers is killed half-way."""

import subprocess
import sys
from pathlib import Path

import pytest

from chosen import BUSY, FLASH, OTHER_BUSY, OTHER_RUSH, SUITE
from sushi_bench.running.ray_workers import run_on_ray
from sushi_bench.running.suite_run import choose_backend, plan, run_plans
from sushi_bench.suite.suite import get_suite
from sushi_env import InputError

SUSHI = [sys.executable, "-c", "from sushi_bench.main import main; main()"]
ONLY = [BUSY, OTHER_BUSY, FLASH, OTHER_RUSH]

MORTAL = '''
import os
import signal
from pathlib import Path

import numpy as np


class Mortal:
    """Kills its worker once, in the third of four scenarios, half-way through its episodes."""

    def __init__(self, problem):
        self.third, self.steps = problem.scenario.name == FLASH, 0

    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        self.steps += 1
        if self.third and self.steps == 500:
            try:
                Path("killed").touch(exist_ok=False)
            except FileExistsError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        return np.zeros((len(observation), 2)), state
'''


@pytest.fixture(autouse=True)
def _folder_with_a_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mortal.py").write_text(MORTAL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "mortal", raising=False)


def command(*more: str) -> list[str]:
    only = [part for name in ONLY for part in ("--scenario", name)]
    return [*SUSHI, "bench", "run", *only, "--policy", "slackfit", *more]


@pytest.mark.slow
def test_two_workers_one_killed_half_way_give_the_same_bytes():
    pytest.importorskip("ray")
    mortal = ("--policy", "mortal:Mortal", "--jobs", "2")
    done = subprocess.run(
        command(*mortal, "--backend", "ray", "--out", "ray"), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert Path("killed").exists()
    run_plans(
        plan(["slackfit", "mortal:Mortal"], get_suite(SUITE), Path("local"), ONLY),
        choose_backend("local", 1, None),
    )
    for name in ("slackfit.jsonl", "mortal_Mortal.jsonl"):
        assert (Path("ray") / name).read_bytes() == (Path("local") / name).read_bytes()
    names = sorted(path.name for path in Path("ray").iterdir())
    assert names == ["mortal_Mortal.jsonl", "slackfit.jsonl"]


def test_an_address_where_nobody_listens_is_refused_at_once():
    pytest.importorskip("ray")
    for address, says in (
        ("127.0.0.1:9", "no Ray cluster at '127.0.0.1:9'"),
        ("nowhere", "must be HOST:PORT, ray://HOST:PORT, or auto"),
        ("127.0.0.1:99999", "no Ray cluster at '127.0.0.1:99999'"),
    ):
        with pytest.raises(InputError, match=says):
            next(run_on_ray([], 1, lambda task: True, address))


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs Ray: pip install 'sushi-env\[ray\]'"):
        choose_backend("ray", 1, None)


def test_an_address_is_for_ray():
    with pytest.raises(InputError, match="--address is for --backend ray"):
        choose_backend("local", 1, "127.0.0.1:6379")
