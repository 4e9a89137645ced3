"""Datasets: what is written is what happened, and Minari reads it back."""

import json
import sys

import numpy as np
import pytest

from sushi_agents import make_policy
from sushi_agents.export.recording import (
    SEEDS_PER_DATASET,
    RecordedEpisode,
    dataset_path,
    recorded_episodes,
    write_dataset,
)
from sushi_agents.learning.training_run import SEEDS_PER_RUN
from sushi_bench.main import main
from sushi_env import InputError, ServeEnv, compile_scenario, get_scenario

minari = pytest.importorskip("minari")
SHORT = compile_scenario(get_scenario("resnet50-busy").replace(queries=60))


def recorded(name: str = "slackfit", episodes: int = 3) -> list[RecordedEpisode]:
    return recorded_episodes(SHORT, make_policy(name, SHORT), episodes, seed=2)


def test_the_environment_replays_what_was_recorded():
    for episode in recorded():
        env = ServeEnv(SHORT.scenario)
        observation, _ = env.reset(seed=episode.seed)
        assert len(episode.observations) == len(episode.actions) + 1
        for n, action in enumerate(episode.actions):
            np.testing.assert_array_equal(observation, episode.observations[n])
            observation, reward, _, truncated, _ = env.step(action)
            assert reward == episode.rewards[n]
        np.testing.assert_array_equal(observation, episode.observations[-1])
        assert truncated


def test_episodes_do_not_depend_on_their_neighbours():
    many, few = recorded(episodes=5), recorded(episodes=2)
    for a, b in zip(many, few, strict=False):
        np.testing.assert_array_equal(a.observations, b.observations)
        np.testing.assert_array_equal(a.actions, b.actions)


def test_datasets_are_made_of_training_seeds():
    assert SEEDS_PER_DATASET == SEEDS_PER_RUN
    assert [e.seed for e in recorded()] == [2_000_000_000 + 2 * 2**16 + k for k in range(3)]


def test_minari_reads_back_what_was_written(tmp_path, monkeypatch):
    episodes = recorded()
    path = dataset_path(tmp_path / "sets" / "busy-slackfit-v0")
    write_dataset(path, SHORT, episodes, "slackfit")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(path.parent))
    dataset = minari.load_dataset("busy-slackfit-v0")
    assert dataset.total_episodes == 3
    for written, read in zip(episodes, dataset.iterate_episodes(), strict=True):
        np.testing.assert_array_equal(read.observations, written.observations)
        np.testing.assert_array_equal(read.actions, written.actions)
        np.testing.assert_array_equal(read.rewards, written.rewards)
        assert read.truncations.tolist() == [False] * (len(written.rewards) - 1) + [True]
    env = dataset.recover_environment()
    assert env.unwrapped.problem.scenario == SHORT.scenario
    assert env.observation_space == dataset.observation_space
    assert list(path.parent.iterdir()) == [path]


def test_the_command_writes_a_dataset_and_refuses_what_it_cannot(tmp_path, monkeypatch, capsys):
    def sushi(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sushi", "record", *arguments])
        with pytest.raises(SystemExit) as exit_:
            main()
        out, err = capsys.readouterr()
        return int(exit_.value.code or 0), out, err

    monkeypatch.chdir(tmp_path)
    out = "sets/steady-random-v1"
    wanted = ["--policy", "random", "--episodes", "2", "--out", out]
    code, printed, _ = sushi(*wanted, "--json")
    said = json.loads(printed)
    assert code == 0
    assert said["steps"] == 2000
    assert minari.MinariDataset(f"{out}/data").total_steps == 2000
    code, printed, err = sushi(*wanted)
    assert (code, printed, err.count("\n")) == (2, "", 1)
    assert "is there already" in err
    code, _, err = sushi("--policy", "random", "--out", str(tmp_path / "steady"))
    assert code == 2
    assert "must end in a Minari ID" in err
    code, _, err = sushi("--policy", "random", "--out", f"{out}2", "--episodes", "0")
    assert code == 2
    assert "episodes = 0, must be in 1..65536" in err


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_dataset(tmp_path / "file" / "a-v0", SHORT, recorded(), "slackfit")
