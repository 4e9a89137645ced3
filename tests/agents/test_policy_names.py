"""Names are resolved once, to one record; a new kind of name is one entry in one file."""

import json
import sys
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import numpy as np
import pytest

from sushi_agents import PolicyError, kinds_of_name, make_policy, policy_names, run_episodes
from sushi_agents.clairvoyant import clairvoyant_bounds
from sushi_agents.heuristics.static import StaticSubNet
from sushi_agents.named_policy import OTHER, KindOfName, NamedPolicy
from sushi_agents.registry import known_policies, named_policy
from sushi_bench.comparing.comparison import compare
from sushi_bench.main import main
from sushi_bench.running.result_headers import fingerprint, make_header
from sushi_bench.suite.suite import get_suite
from sushi_env import InputError, compile_scenario, get_scenario
from tests.chosen import BUSY, SUITE

PROBLEM = compile_scenario(get_scenario("resnet50-busy").replace(queries=60))


def sushi(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["sushi", *arguments])
    with pytest.raises(SystemExit) as exit_:
        main()
    out, err = capsys.readouterr()
    return int(exit_.value.code or 0), out, err


def test_a_new_kind_of_name_is_one_entry(monkeypatch, capsys, tmp_path):
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"123")

    def find(name: str) -> NamedPolicy | None:
        if not name.startswith("always-"):
            return None
        return NamedPolicy(
            name,
            OTHER,
            lambda problem, trust: StaticSubNet(problem, name.removeprefix("always-")),
            source="a test",
            where="scenarios with a SubNet B",
            exists=lambda problem: "B" in problem.table.subnet_names,
            describe=lambda: "One SubNet.",
            find_files=lambda: [weights],
        )

    new = KindOfName(find, lambda problem: ["always-B"])
    monkeypatch.setattr(kinds_of_name, "KINDS_OF_NAME", (*kinds_of_name.KINDS_OF_NAME, new))

    assert "always-B" in policy_names(PROBLEM)
    found = compare(PROBLEM, ["always-B", "static-B", "always-B+cache-none"], 2, 0)
    assert found.errors == {}
    assert found.policies["always-B"] == found.policies["static-B"]
    assert found.policies["always-B+cache-none"].cache_hit_ratio == 0
    header = make_header("always-B", get_suite(SUITE), [BUSY], episodes=1)
    assert (header.kind, header.source, header.description) == ("other", "a test", "One SubNet.")
    before = fingerprint("always-B")
    weights.write_bytes(b"124")
    assert fingerprint("always-B") != before
    code, out, _ = sushi(monkeypatch, capsys, "list", "policies", "--json")
    (row,) = [row for row in json.loads(out)["policies"] if row["name"] == "always-B"]
    assert code == 0
    assert row == {
        "name": "always-B",
        "kind": "other",
        "exists for": "scenarios with a SubNet B",
        "description": "One SubNet.",
    }
    with pytest.raises(InputError, match=r"unknown policy 'nobody'; known: .*always-B"):
        make_policy("nobody", PROBLEM)


def test_every_name_of_ours_says_what_it_is_and_where_it_exists(monkeypatch, capsys):
    for known in known_policies():
        assert known.ours
        assert known.kind in ("heuristic", "learned", "bound")
        assert known.description[0].isupper()
        assert known.description.endswith(".")
        assert "\n" not in known.description
        assert known.where
        assert known.source.startswith("sushi_agents")
    everywhere = {known.name for known in known_policies()}
    here = {known.name for known in known_policies(PROBLEM)}
    assert everywhere - here == {"static-G", "zoo"}
    code, out, _ = sushi(
        monkeypatch, capsys, "list", "policies", "--json", "--scenario", "resnet50-busy"
    )
    assert code == 0
    assert {row["name"] for row in json.loads(out)["policies"]} == here
    code, out, err = sushi(monkeypatch, capsys, "list", "boards", "--scenario", "resnet50-busy")
    assert (code, out, err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("name", ["open", "closed"])
def test_the_bounds_schedule_stands_beside_policies(name, monkeypatch, capsys, tmp_path):
    problem = PROBLEM
    if name == "closed":
        arrivals = {"kind": "closed_loop"}
        problem = compile_scenario(problem.scenario.replace(arrivals=arrivals, load=None))
    bounds = clairvoyant_bounds(problem, range(5, 8))
    mine = run_episodes(problem, make_policy("clairvoyant", problem), 3, seed=5)
    np.testing.assert_allclose([m.reward for m in mine], [b.reward for b in bounds], rtol=1e-9)
    path = tmp_path / "short.yaml"
    path.write_text(problem.scenario.to_yaml())
    command = ["evaluate", "--scenario", str(path), "--episodes", "3", "--seed", "5", "--json"]
    for policy in ("clairvoyant", "lookahead", "random"):
        command += ["--policy", policy]
    code, out, _ = sushi(monkeypatch, capsys, *command)
    policies = json.loads(out)["policies"]
    assert code == 0
    assert policies["clairvoyant"]["reward"] == pytest.approx(np.mean([b.reward for b in bounds]))
    assert policies["clairvoyant"]["reward"] > policies["lookahead"]["reward"]


def test_the_bounds_schedule_is_no_policy():
    assert "clairvoyant" not in policy_names(PROBLEM)
    with pytest.raises(InputError, match="has its own caches"):
        make_policy("clairvoyant+cache-last", PROBLEM)
    with pytest.raises(PolicyError, match="goes by the seeds"):
        make_policy("clairvoyant", PROBLEM).predict(np.zeros((2, PROBLEM.layout.size), np.float32))


class Own(BaseException):
    """Something outside Exception."""


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize("episodes", [1, 2, 3, 5])
@pytest.mark.parametrize("form", ["array", "list", "tuple", "nothing", "three", "generator"])
def test_predict_must_return_actions_and_state(episodes, form):
    class Policy:
        def predict(self, observation, state=None, episode_start=None, deterministic=True):
            actions = np.zeros((len(observation), 2), dtype=np.int64)
            return {
                "array": actions,
                "list": actions.tolist(),
                "tuple": tuple(map(tuple, actions.tolist())),
                "nothing": None,
                "three": (actions, None, None),
                "generator": (one for one in (actions, None)),
            }[form]

    for policy in (Policy(), kinds_of_name.Combined(PROBLEM, Policy(), lambda r, o, i: 0 * i)):
        says = (
            rf"predict must return a tuple \(actions, state\), actions of shape \({episodes}, 2\)"
        )
        with pytest.raises(PolicyError, match=rf"^policy 'bad'.* step 0: {says}") as caught:
            run_episodes(PROBLEM, policy, episodes, seed=0, name="bad")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        GeneratorExit(), Own("x"), StopIteration("x"), SystemExit(3), UnprintableError(),
        InputError("a\nb"), ValueError("\x1b[31m" + "y" * 200_000), RecursionError(),
        type("\x1b[2J", (Exception,), {})(), MemoryError(),
    ],
    ids=lambda error: type(error).__name__.encode("unicode_escape").decode(),
)  # fmt: skip
def test_whatever_a_policy_raises_wherever_is_one_line(error, monkeypatch):
    class Raising:
        @property
        def predict(self):
            raise error

    class Later:
        def predict(self, *_, **__):
            raise error

    def build(problem):
        raise error

    def entries(**wanted):
        return EntryPoints([EntryPoint("bad", "x:y", "sushi.policies")]).select(**wanted)

    monkeypatch.setattr(kinds_of_name, "entry_points", entries)
    for factory in (build, lambda problem: Raising(), None):

        def load(self, factory=factory):
            if factory is None:
                raise error
            return factory

        monkeypatch.setattr(EntryPoint, "load", load)
        with pytest.raises(PolicyError, match=r"^policy 'bad' cannot be built: ") as caught:
            make_policy("bad", PROBLEM)
        check_line(str(caught.value))
        assert caught.value.__cause__ is error
    strange: list[Any] = [Raising(), Later()]
    for policy in strange:
        with pytest.raises(PolicyError, match=r"^policy 'bad' raised at step 0: ") as caught:
            run_episodes(PROBLEM, policy, 2, seed=0, name="bad")
        check_line(str(caught.value))
        assert caught.value.__cause__ is error


def check_line(text: str) -> None:
    assert text.isprintable()
    assert len(text) < 2200


def test_ctrl_c_is_no_policys_error():
    class Interrupted:
        def predict(self, *_, **__):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_episodes(PROBLEM, Interrupted(), 1, seed=0)


@pytest.mark.parametrize("chosen", [[[6, 0]], [[-1, 0]], [0, 0], [["a", "b"]], [[0.5, 0]]])
def test_a_cache_rule_behind_a_broken_policy_says_what_is_wrong(chosen):
    class Broken:
        def predict(self, observation, state=None, episode_start=None, deterministic=True):
            return np.array(chosen), None

    for rule in kinds_of_name.CACHE_RULES.values():
        policy = kinds_of_name.Combined(PROBLEM, Broken(), rule)
        with pytest.raises(PolicyError, match="step 0: action"):
            run_episodes(PROBLEM, policy, 1, seed=0)


def test_what_a_name_stands_for_is_known_without_running_it(tmp_path, monkeypatch):
    (tmp_path / "strange.py").write_text("raise SystemExit\n")
    monkeypatch.chdir(tmp_path)
    found = named_policy("strange:Thing")
    assert found.kind == "other"
    assert [path.name for path in found.files] == ["strange.py"]
    with pytest.raises(PolicyError, match="cannot be built: SystemExit"):
        found.build(PROBLEM, False)
