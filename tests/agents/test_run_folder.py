"""A run's folder: checkpoints that execute nothing, one run at a time, full disks, longer runs."""

import errno
import os
import pickle
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from sushi_accel.files import atomic
from sushi_agents.learning import watching
from sushi_agents.learning.plain_state import (
    NotPlainError,
    plain_attributes,
    read_state,
    write_state,
)
from sushi_agents.learning.run_folder import CHECKPOINT, holding
from sushi_agents.learning.training import train
from sushi_agents.learning.training_run import TrainingRun
from sushi_env import InputError, get_scenario

SHORT = get_scenario("resnet50-steady").replace(queries=20)
SMALL = {"n_envs": 16, "learning_rate": 0.001}
KIND = "test/1"


def run_of(out: Path, steps: int = 1_000, seed: int = 3, **changes) -> TrainingRun:
    options = {"evaluation_episodes": 1, "evaluation_steps": 400, "changes": SMALL} | changes
    return TrainingRun(SHORT, "a2c", steps, seed, out, **options)


def weights(model) -> list[bytes]:
    return [tensor.numpy().tobytes() for tensor in model.policy.state_dict().values()]


def leftovers(out: Path) -> set[str]:
    names = {path.name for path in out.iterdir() if not path.name.startswith("events.")}
    known = {".lock", CHECKPOINT, "run.json", "a2c.zip", "a2c-best.zip"}
    return names - known - {"agent.json", "agent.safetensors"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("finished")
    train(run_of(out))
    return out


@pytest.fixture
def copied(finished, tmp_path) -> Path:
    for name in (CHECKPOINT, "run.json", "a2c.zip"):
        (tmp_path / name).write_bytes((finished / name).read_bytes())
    return tmp_path


class Harm:
    """What a stranger would have us unpickle."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("name", [CHECKPOINT, "checkpoint.pkl"])
def test_a_strangers_checkpoint_executes_nothing(name, copied):
    (copied / CHECKPOINT).unlink()
    mark = copied / "executed"
    (copied / name).write_bytes(pickle.dumps({"run": Harm(mark)}))
    with pytest.raises(InputError, match=r"cannot be read|not there, so there is nothing"):
        train(run_of(copied), resume=True)
    assert not mark.exists()


def test_a_checkpoint_holds_no_pickle(finished):
    text = (finished / CHECKPOINT).read_bytes()
    state = read_state(finished / CHECKPOINT, "sushi-checkpoint/1", "it", len(text))
    assert state["run"]["seed"] == 3
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(text)


def test_damage_is_one_line(copied):
    path = copied / CHECKPOINT
    whole = path.read_bytes()
    rng = np.random.default_rng(5)
    for k in range(40):
        raw = bytearray(whole)
        raw[int(rng.integers(len(raw)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(raw if k % 2 else whole[: int(rng.integers(len(raw)))])
        with pytest.raises(InputError, match=r"^checkpoint .*(cannot be read|is no )") as caught:
            train(run_of(copied), resume=True)
        assert "\n" not in str(caught.value)


def test_what_fits_no_run_is_one_line(copied):
    """Well-formed, with the right digest, and wrong: indices compiled code would follow too."""
    path = copied / CHECKPOINT
    where, size = "checkpoint", path.stat().st_size

    def head(state) -> None:
        state["environments"][0]["memory"]["state"][:, :] = 0x7F

    def no_times(state) -> None:
        state["environments"][0]["memory"]["generators"][:, -16:] = 0xFF

    def run(state) -> None:
        state["run"] = 3

    def counter(state) -> None:
        state["model"]["num_timesteps"] = "many"

    def weight(state) -> None:
        name = next(iter(state["parameters"]["policy"]))
        state["parameters"]["policy"][name] = torch.zeros(3, 5, 7)

    whole = path.read_bytes()
    for change in (head, no_times, run, counter, weight):
        path.write_bytes(whole)
        state = read_state(path, "sushi-checkpoint/1", where, size)
        change(state)
        write_state(path, "sushi-checkpoint/1", state, where)
        with pytest.raises(InputError, match="does not fit the run"):
            train(run_of(copied), resume=True)


def test_mismatches_name_scenarios_and_keys(copied):
    other = SHORT.replace(queries=21)
    with pytest.raises(InputError, match=r"with scenario\.queries = 20, not 21"):
        train(TrainingRun(other, "a2c", 1_000, 3, copied, changes=SMALL), resume=True)
    changed = run_of(copied, changes=SMALL | {"gamma": 0.5})
    with pytest.raises(InputError, match=r"hyperparameters\.gamma = 0\.\d+, not 0\.5"):
        train(changed, resume=True)
    with pytest.raises(InputError, match="of 1000 steps, which cannot be cut to 900"):
        train(run_of(copied, 900), resume=True)


def test_plain_state_comes_back_as_it_was(tmp_path):
    state = {
        "numbers": [1, -(2**100), 0.1, float("-inf"), True, None],
        3: (np.arange(6, dtype=np.uint16).reshape(2, 3).T, torch.tensor(2.5), np.zeros((0, 3))),
        "mask": np.array([True, False]),
    }
    path = tmp_path / "state"
    write_state(path, KIND, state, "state")
    back = read_state(path, KIND, "state", 10_000)
    assert back["numbers"] == state["numbers"]
    assert isinstance(back[3], tuple)
    for mine, theirs in zip(state[3], back[3], strict=True):
        assert mine.dtype == theirs.dtype
        assert mine.shape == theirs.shape
        assert (mine == theirs).all()
    assert (back["mask"] == state["mask"]).all()
    for bad in (object(), np.array([object()]), {"inner": [lambda: 1]}):
        with pytest.raises(NotPlainError):
            write_state(path, KIND, bad, "state")
    with pytest.raises(InputError, match="is no other/1"):
        read_state(path, "other/1", "state", 10_000)


def test_attributes_that_are_not_plain_are_left_out():
    class Thing:
        def __init__(self) -> None:
            self.count, self.call = 3, print

    assert plain_attributes(Thing()) == {"count": 3}


def test_a_run_that_is_there_is_not_lost(finished, tmp_path):
    with pytest.raises(InputError, match=r"holds a run that has ended .*--overwrite"):
        train(run_of(finished))
    train(run_of(tmp_path))
    before = {path.name for path in tmp_path.glob("events.*")}
    train(run_of(tmp_path, seed=4), overwrite=True)
    assert len(list(tmp_path.glob("events.*"))) == 1
    assert before.isdisjoint(path.name for path in tmp_path.glob("events.*"))
    (tmp_path / "a2c.zip").unlink()
    with pytest.raises(InputError, match=r"holds a run that can be continued .*--resume"):
        train(run_of(tmp_path))
    with pytest.raises(InputError, match="either continued"):
        train(run_of(tmp_path), resume=True, overwrite=True)


def test_a_resumed_run_of_more_steps_is_the_longer_run(copied, tmp_path):
    longer = train(run_of(copied, 2_000), resume=True)
    whole = train(run_of(tmp_path / "whole", 2_000))
    assert longer.num_timesteps == whole.num_timesteps
    assert weights(longer) == weights(whole)


def test_a_short_run_has_a_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(watching, "CHECKPOINT_S", 0.0)
    monkeypatch.setattr(watching, "SAVING_SHARE", 0)

    def cut_off(done: int, _: int) -> None:
        if done > 500:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(run_of(tmp_path), cut_off)
    assert (tmp_path / CHECKPOINT).exists()


HOLD = """
import sys
from pathlib import Path
from sushi_agents.learning.run_folder import holding
with holding(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_run_at_a_time_and_death_gives_the_folder_back(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout
    assert process.stdout.readline() == b"held\n"
    with pytest.raises(InputError, match="another run is writing to it"):
        train(run_of(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with holding(tmp_path), holding(tmp_path):  # within a process: more than once
        pass


@pytest.mark.parametrize("full", ["checkpoint", "model", "best"])
def test_a_full_disk_is_one_line_and_loses_no_checkpoint(full, tmp_path, monkeypatch):
    """Every file is written halfway before there is no room for more."""
    ending = {"checkpoint": CHECKPOINT, "model": "a2c.zip", "best": "a2c-best.zip"}[full]
    train(run_of(tmp_path))
    good = (tmp_path / CHECKPOINT).read_bytes()
    write = Path.write_bytes

    def until_full(path: Path, data: bytes) -> int:
        if path.name.endswith(f"-{ending}"):
            write(path, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, data)

    monkeypatch.setattr(atomic.Path, "write_bytes", until_full)
    (tmp_path / "a2c-best.zip").unlink()
    monkeypatch.setattr(
        watching.Watch, "_on_training_start", lambda watch: watch.memory.update(best=-1e9)
    )
    with pytest.raises(
        InputError, match=r"cannot be written \(No space left on device\)"
    ) as caught:
        train(run_of(tmp_path, 2_000), resume=True)
    assert "\n" not in str(caught.value)
    assert full != "checkpoint" or (tmp_path / CHECKPOINT).read_bytes() == good
    assert leftovers(tmp_path) == set()


@pytest.mark.slow
def test_a_limit_on_the_size_of_files_is_one_line(tmp_path):
    """TensorBoard's log, which a thread of its own writes, included."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000));"
        "from sushi_bench.main import main; main()"
    )
    out = tmp_path / "run"
    command = [
        sys.executable, "-c", code, "train", "--scenario", "resnet50-steady", "--algo", "a2c",
        "--steps", "2000", "--episodes", "1", "--hyper", "n_envs=16", "--out", str(out),
    ]  # fmt: skip
    kept = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "compiled")}  # cut off, too
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=kept)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "cannot be written (File too large)" in done.stderr
    assert leftovers(out) == set()


def test_refusals_come_before_anything_is_said(finished):
    # Of which Stable-Baselines3 warns: 30 is no multiple of 7.
    odd = {"n_envs": 2, "n_steps": 15, "batch_size": 7, "share_arrivals": 1}
    run = TrainingRun(SHORT, "ppo", 1_000, 0, finished, changes=odd)
    (finished / "ppo.zip").write_bytes(b"")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with pytest.raises(InputError, match="--overwrite"):
            train(run)
    (finished / "ppo.zip").unlink()
    assert not said


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card")
def test_a_run_on_a_card_is_scored_and_resumed(tmp_path):
    train(run_of(tmp_path, device="cuda"))
    assert (tmp_path / "agent.safetensors").exists()
    assert train(run_of(tmp_path, steps=2_000, device="cuda"), resume=True).num_timesteps >= 2_000


def test_a_device_is_named_and_must_be_there(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="device = 'tpu', must be one of cpu, cuda, auto"):
        run_of(tmp_path, device="tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="device = 'cuda': PyTorch finds no card here"):
        run_of(tmp_path, device="cuda")
    assert run_of(tmp_path, device="auto").learns_on == "cpu"
    assert weights(train(run_of(tmp_path / "auto", device="auto"))) == weights(
        train(run_of(tmp_path / "cpu"))
    )
