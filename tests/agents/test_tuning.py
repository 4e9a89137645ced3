"""Tuning with the real Optuna: resumable, shared, and what it writes can be trained with."""

import optuna
import pytest
import yaml

from sushi_agents.learning.settings import hyperparameters
from sushi_agents.learning.training import train
from sushi_agents.learning.training_run import TrainingRun
from sushi_agents.learning.tuning import ENDED, JOURNAL, TuningRun, _study, tune
from sushi_env import InputError, get_scenario

SHORT = get_scenario("resnet50-steady").replace(queries=20)


def run_of(out, trials: int, **changes) -> TuningRun:
    return TuningRun(SHORT, "a2c", trials, 9_000, 0, out, **changes)


def test_a_search_is_resumed_and_its_best_can_be_trained_with(tmp_path):
    tune(run_of(tmp_path, 1))
    told = []
    best = tune(run_of(tmp_path, 3), lambda done, total: told.append((done, total)))
    assert told == [(2, 3), (3, 3)]
    study = _study(run_of(tmp_path, 3), 0)
    assert len(study.get_trials(states=ENDED)) == 3
    assert best["learning_rate"] == f"lin_{study.best_params['rate']!r}"
    written = yaml.safe_load((tmp_path / "best.yaml").read_text())
    assert written == {"default": best}
    assert hyperparameters("a2c", SHORT, tmp_path / "best.yaml") == best
    out = tmp_path / "run"
    train(TrainingRun(SHORT, "a2c", 5_000, 0, out, hyperparameter_file=tmp_path / "best.yaml"))
    assert (out / "a2c.zip").exists()
    with pytest.raises(InputError, match="holds a search of algo a2c, not of ppo"):
        tune(TuningRun(SHORT, "ppo", 3, 9_000, 0, tmp_path))
    other = SHORT.replace(queries=21)
    with pytest.raises(InputError, match="of scenario resnet50-steady, not of resnet50-steady as"):
        tune(TuningRun(other, "a2c", 3, 9_000, 0, tmp_path))
    journal = tmp_path / JOURNAL
    whole = journal.read_bytes()
    first = whole.index(b"\n")
    for damaged, message in (
        (whole[:-40], "is cut off"),
        (whole[: first - 40] + whole[first:], "line 1: not JSON"),
        (b"7\n" + whole, "line 1: is no entry"),
        (b'{"op_code": 77}\n' + whole, "is no study's"),
        (b"[" * 100_000 + b"\n", "nested deeper"),
    ):
        journal.write_bytes(damaged)
        with pytest.raises(InputError, match=message):
            tune(run_of(tmp_path, 3))


@pytest.mark.slow
def test_processes_share_one_search(tmp_path):
    tune(run_of(tmp_path, 4, jobs=2))
    trials = _study(run_of(tmp_path, 4), 0).get_trials(states=ENDED)
    assert len(trials) >= 4
    assert any(trial.state == optuna.trial.TrialState.COMPLETE for trial in trials)


def test_a_search_checks_its_numbers(tmp_path):
    for change in ({"trials": 0}, {"steps": 0}, {"jobs": 0}):
        key = next(iter(change))
        with pytest.raises(InputError, match=f"{key} = 0, must be at least 1"):
            TuningRun(
                **{
                    "scenario": SHORT, "algo": "ppo", "trials": 1, "steps": 1, "seed": 0,
                    "out": tmp_path, **change,
                }
            )  # fmt: skip
