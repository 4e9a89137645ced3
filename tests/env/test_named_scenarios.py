"""Scenarios that come with the package: each loads, and the traces are what they say."""

from pathlib import Path

import numpy as np
import pytest

import sushi_env
from sushi_env import get_scenario, scenario_names
from sushi_env.scenario.recorded_minutes import TRACES, times_of, write_traces
from sushi_env.scenario.trace_file import load_trace

FOLDER = Path(sushi_env.__file__).parent / "traces"


@pytest.mark.parametrize("name", scenario_names())
def test_a_named_scenario_bears_its_name_and_says_what_it_is_for(name):
    scenario = get_scenario(name)
    assert scenario.name == name
    assert len(scenario.description) > 40


@pytest.mark.parametrize("name", TRACES)
def test_traces_keep_the_recorded_load_of_every_minute(name, tmp_path):
    counts, key = TRACES[name]
    shipped = load_trace(FOLDER / name)
    assert np.bincount((shipped // 60).astype(int), minlength=len(counts)).tolist() == [*counts]
    write_traces(tmp_path)
    assert (load_trace(tmp_path / name) == shipped).all()
    assert (times_of(counts, key) == shipped).all()
    assert (times_of(counts, key + 1) != shipped).any()


def test_counts_are_those_of_the_recording(recorded_traces):
    for recorded, name in (
        ("azure_llm_code_2023.csv", "coding-assistant.csv.gz"),
        ("azure_llm_conv_2023.csv", "chat.csv.gz"),
    ):
        minutes = (load_trace(recorded_traces / recorded) // 60).astype(int)
        counts = TRACES[name][0]
        assert np.bincount(minutes)[: len(counts)].tolist() == list(counts)
