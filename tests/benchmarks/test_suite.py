"""The suites are frozen, and their scenarios are what the design asks for."""

import json
import re
from dataclasses import replace

import pytest

from chosen import RESULTS, ROOT, SUITE
from sushi_agents.evaluation import EVALUATION_SEEDS
from sushi_bench.suite.suite import get_suite
from sushi_env import InputError
from sushi_env.scenario.suites import suite_names


@pytest.mark.parametrize("version", suite_names())
def test_results_are_of_the_suite_as_it_is(version):
    suite = get_suite(version)
    files = list((RESULTS.parent / version).glob("*.jsonl"))
    digests = {json.loads(path.read_text().partition("\n")[0])["suite_digest"] for path in files}
    assert digests == {suite.digest}
    assert suite.first_seed + suite.episodes <= EVALUATION_SEEDS


@pytest.mark.parametrize("version", suite_names())
def test_every_scenario_is_what_it_was(version):
    scenarios = get_suite(version).scenarios()
    assert list(scenarios) == list(get_suite(version).digests)
    assert {scenario.reward for scenario in scenarios.values()} == {"utility"}


def test_its_name_stands_in_one_place():
    """In code, tests and Makefile; results and agents lie in folders of that name."""
    named = re.compile(rf"(?<![\w-]){SUITE}(?=[-\"'/])")
    folders = ("accel", "sushi_env", "agents", "benchmarks", "tests", "examples")
    files = [ROOT / "Makefile", *(path for f in folders for path in (ROOT / f).rglob("*.*"))]
    of_suite = ROOT / "sushi_env" / "suites" / SUITE
    code = [p for p in files if p.suffix in ("", ".py", ".j2", ".yaml") and p.is_file()]
    code = [p for p in code if not p.is_relative_to(of_suite)]
    found = [
        f"{path.relative_to(ROOT)}:{n}"
        for path in code
        for n, line in enumerate(path.read_text().splitlines(), 1)
        if named.search(line)
    ]
    assert len(found) == 1, found
    assert found[0].startswith("accel/sushi_accel/defaults.py:")


def test_it_covers_what_schedulers_meet():
    scenarios = get_suite(SUITE).scenarios().values()
    assert len(scenarios) >= 12
    assert {s.supernet for s in scenarios} == {"resnet50", "mobilenetv3"}
    assert {s.board for s in scenarios} >= {"zcu104", "alveo_u50"}
    kinds = {s.arrivals.kind for s in scenarios}
    assert kinds == {"poisson", "gamma", "mmpp", "diurnal", "flash_crowd", "trace"}
    loads = [s.load for s in scenarios if s.load is not None]
    assert min(loads) <= 0.2
    assert max(loads) >= 1.1
    assert sum(s.bandwidth_gbs is not None and len(s.regimes) > 1 for s in scenarios) >= 2


def test_a_changed_scenario_is_another_version():
    suite = get_suite(SUITE)
    name = next(iter(suite.digests))
    changed = replace(suite, digests=suite.digests | {name: "0" * 64})
    assert changed.digest != suite.digest
    with pytest.raises(InputError, match=f"suite {SUITE}: scenario {name} has the digest"):
        changed.scenarios()
    with pytest.raises(InputError, match=f"unknown suite 'v0'; known: {SUITE}"):
        get_suite("v0")
