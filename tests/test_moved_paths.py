"""Modules import by the paths that documents have named, wherever they are now."""

import importlib

import pytest


@pytest.mark.parametrize(
    ("old", "name"),
    [
        ("sushi_accel.timing", "layer_cycles"),
        ("sushi_accel.reference", "simulate_layer"),
        ("sushi_env.arrivals", "realised_arrivals"),
        ("sushi_env.traffic", "PoissonArrivals"),
        ("sushi_env.wrappers", "DictObservation"),
        ("sushi_env.sb3_vec_env", "SushiVecEnv"),
        ("sushi_env.sb3_wrappers", "DiscreteActions"),
        ("sushi_agents.lookahead", "Lookahead"),
        ("sushi_agents.model_switching", "ModelSwitching"),
        ("sushi_agents.slackfit", "SlackFit"),
        ("sushi_agents.subnet_policies", "MinLatency"),
        ("sushi_agents.sushisched", "SushiSchedLatency"),
        ("sushi_agents.time_sharing", "TimeSharing"),
        ("sushi_agents.clairvoyant", "clairvoyant_bounds"),
        ("sushi_agents.learned", "load_agent"),
        ("sushi_agents.onnx_export", "export_onnx"),
        ("sushi_agents.recording", "recorded_episodes"),
        ("sushi_agents.training", "train"),
        ("sushi_bench.results", "read_results"),
        ("sushi_bench.scores", "scale_of"),
        ("sushi_bench.suite", "get_suite"),
    ],
)
def test_old_path(old: str, name: str):
    found = getattr(importlib.import_module(old), name)
    assert found is getattr(importlib.import_module(found.__module__), name)
