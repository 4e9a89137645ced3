"""Evaluation: paired, reproducible, and plain about policies that misbehave."""

import numpy as np
import pytest

from sushi_agents import PolicyError, make_policy, run_episodes
from sushi_env import InputError, compile_scenario, get_scenario

PROBLEM = compile_scenario(get_scenario("resnet50-steady").replace(queries=50))


class Fixed:
    def __init__(self, action):
        self.action = action

    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        if isinstance(self.action, Exception):
            raise self.action
        return self.action, state


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (RuntimeError("boom"), "policy 'bad' raised at step 0: RuntimeError: boom"),
        (np.zeros((2, 2)), r"policy 'bad', step 0: actions of shape \(2, 2\), must be \(3, 2\)"),
        (np.full((3, 2), np.nan), r"action \[nan, nan\] of environment 0"),
        (np.full((3, 2), 0.5), r"action \[0.5, 0.5\] of environment 0"),
        ([[0, 0], [6, 0], [0, 0]], r"action \[6, 0\] of environment 1, must be a SubNet in 0..5"),
        ([[0, 0], [0, 0], [0, -1]], r"action \[0, -1\] of environment 2"),
        ("nonsense", "actions of shape"),
        ([["a", "b"]] * 3, "actions of type"),
        ([[0, 0], [0], [1]], "returned no array of actions"),
        (None, "actions of shape"),
    ],
)
def test_misbehaviour_is_named(action, message):
    with pytest.raises(PolicyError, match=message) as caught:
        run_episodes(PROBLEM, Fixed(action), 3, seed=0, name="bad")
    assert "\n" not in str(caught.value)


def test_whole_numbers_of_any_type_are_actions():
    expected = run_episodes(PROBLEM, Fixed(np.ones((2, 2), dtype=np.int64)), 2, seed=0)
    for kind in (np.float32, np.uint8, np.int32):
        assert run_episodes(PROBLEM, Fixed(np.ones((2, 2), dtype=kind)), 2, seed=0) == expected


def test_a_policy_cannot_change_what_it_is_shown():
    class Vandal(Fixed):
        def predict(self, observation, state=None, episode_start=None, deterministic=True):
            observation[:] = 0
            return np.zeros((len(observation), 2), dtype=np.int64), None

    honest = run_episodes(PROBLEM, Fixed(np.zeros((2, 2), dtype=np.int64)), 2, seed=0)
    assert run_episodes(PROBLEM, Vandal(None), 2, seed=0) == honest


def test_episodes_and_seeds_are_checked():
    policy = make_policy("random", PROBLEM)
    with pytest.raises(InputError, match="episodes = 0"):
        run_episodes(PROBLEM, policy, 0, seed=0)
    with pytest.raises(InputError, match="seed = 2000000000, must be in 0"):
        run_episodes(PROBLEM, policy, 1, seed=2_000_000_000)


def test_progress_reaches_the_end():
    seen = []
    run_episodes(
        PROBLEM, make_policy("random", PROBLEM), 3, 0, on_progress=lambda *x: seen.append(x)
    )
    assert seen[-1] == (150, 150)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_policies_come_from_modules_too(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "from sushi_agents.heuristics.static import StaticSubNet\n"
        "def build(problem):\n    return StaticSubNet(problem, 'B')\n"
        "def broken(problem):\n    raise KeyError('x')\n"
        "nothing = lambda problem: 3\n"
    )
    monkeypatch.chdir(tmp_path)
    mine = run_episodes(PROBLEM, make_policy("mine:build", PROBLEM), 2, seed=0)
    assert mine == run_episodes(PROBLEM, make_policy("static-B", PROBLEM), 2, seed=0)
    for name, message in (
        ("mine:gone", "policy 'mine:gone' cannot be built: AttributeError"),
        ("mine:broken", "policy 'mine:broken' cannot be built: KeyError: 'x'"),
        ("mine:nothing", "policy 'mine:nothing' has no method predict"),
        ("gone:x", "policy 'gone:x' cannot be built: ModuleNotFoundError"),
        ("gone", "unknown policy 'gone'; known: random, no-sushi"),
    ):
        with pytest.raises(InputError, match=message):
            make_policy(name, PROBLEM)
