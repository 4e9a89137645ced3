"""The suites are frozen, and their scenarios are what the design asks for."""

from dataclasses import replace

import pytest

from sushi_agents.evaluation import EVALUATION_SEEDS
from sushi_bench.suite.suite import EPISODES, FIRST_SEED, SUITES, get_suite
from sushi_env import InputError

V1_DIGEST = "c6831fd36bccea3668185c29043741267319021def91561975c77a671d6ab39f"


def test_v1_is_frozen():
    assert get_suite("v1").digest == V1_DIGEST
    assert FIRST_SEED + EPISODES <= EVALUATION_SEEDS


@pytest.mark.parametrize("version", SUITES)
def test_every_scenario_is_what_it_was(version):
    scenarios = get_suite(version).scenarios()
    assert list(scenarios) == list(get_suite(version).digests)
    assert {scenario.reward for scenario in scenarios.values()} == {"utility"}


def test_v1_covers_what_schedulers_meet():
    scenarios = get_suite("v1").scenarios().values()
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
    v1 = get_suite("v1")
    name = next(iter(v1.digests))
    changed = replace(v1, digests=v1.digests | {name: "0" * 64})
    assert changed.digest != v1.digest
    with pytest.raises(InputError, match=f"suite v1: scenario {name} has the digest"):
        changed.scenarios()
    with pytest.raises(InputError, match="unknown suite 'v0'; known: v1"):
        get_suite("v0")
