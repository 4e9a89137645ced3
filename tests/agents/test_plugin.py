"""The plug-in in the docs is installed as it stands there, found by name, and used."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

import sushi_agents.kinds_of_name
from sushi_agents import make_policy, policy_names
from sushi_env import InputError, compile_scenario, get_scenario

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "agents" / "PLUGIN.md").read_text()
SUSHI = str(Path(sys.executable).with_name("sushi"))
PROBLEM = compile_scenario(get_scenario("resnet50-steady").replace(queries=50))


def test_the_template_installs_and_competes(tmp_path):
    files = dict(re.findall(r"`([\w.]+)`:\n\n```\w+\n(.*?)```", PAGE, flags=re.DOTALL))
    assert set(files) == {"pyproject.toml", "sushi_thrifty.py"}
    assert sum(text.count("\n") for text in files.values()) <= 45
    source, target = tmp_path / "sushi-thrifty", tmp_path / "installed"
    source.mkdir()
    for name, text in files.items():
        (source / name).write_text(text)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["--no-deps", "--no-build-isolation", "--no-index", "--target", str(target), str(source)]
    done = subprocess.run(pip, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    paths = [str(target), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [SUSHI, "evaluate", "--episodes", "2", "--json"]
    for name in ("thrifty", "thrifty+cache-frequent", "infaas"):
        command += ["--policy", name]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    policies = json.loads(done.stdout)["policies"]
    assert list(policies) == ["thrifty", "thrifty+cache-frequent", "infaas"]
    assert policies["thrifty"]["floor_attainment"] == 1.0
    listed = subprocess.run(
        [SUSHI, "list", "policies"], capture_output=True, text=True, env=environment
    )
    assert "thrifty" in listed.stdout


def test_names_are_taken_once_and_never_from_the_baselines(monkeypatch):
    def entries(**wanted: Any) -> EntryPoints:
        found = EntryPoints(
            EntryPoint(name, value, "sushi.policies")
            for name, value in (
                ("twice", "a:A"),
                ("twice", "b:B"),
                ("random", "sushi_agents.heuristics.subnet_policies:MinLatency"),
                ("mine", "sushi_agents.heuristics.subnet_policies:MinLatency"),
            )
        )
        return found.select(**wanted)

    monkeypatch.setattr(sushi_agents.kinds_of_name, "entry_points", entries)
    assert type(make_policy("random", PROBLEM)).__name__ == "RandomPolicy"
    assert type(make_policy("mine", PROBLEM)).__name__ == "MinLatency"
    names = policy_names(PROBLEM)
    assert "mine" in names
    assert names.count("random") == 1
    with pytest.raises(InputError, match="policy 'twice' is registered more than once: a:A, b:B"):
        make_policy("twice", PROBLEM)


def test_a_model_may_be_named_by_its_folder(tmp_path):
    with pytest.raises(InputError, match=r"must hold exactly one model \.zip, holds none"):
        make_policy(str(tmp_path), PROBLEM, trust=True)
    (tmp_path / "ppo-checkpoint.zip").write_bytes(b"")
    (tmp_path / "ppo.zip").write_bytes(b"")
    with pytest.raises(InputError, match=r"model .*/ppo\.zip: a Stable-Baselines3 file can"):
        make_policy(str(tmp_path), PROBLEM)
