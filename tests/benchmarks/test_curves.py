"""Learning curves, from real runs and their real logs."""

import json
from pathlib import Path

import pytest

from sushi_agents.learning.training import train
from sushi_agents.learning.training_run import TrainingRun
from sushi_bench.curves.learning_curves import baselines, read_curves
from sushi_bench.curves.pictures_curves import curves_picture
from sushi_env import InputError, get_scenario

SHORT = get_scenario("resnet50-steady").replace(queries=30)
QUICK = {"n_envs": 64, "batch_size": 512}


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    made = []
    for seed in (0, 1):
        for cache in ("choose", "none"):
            out = folder / f"{cache}-{seed}"
            train(TrainingRun(SHORT, "ppo", 6_000, seed, out, changes=QUICK | {"cache": cache}))
            made.append(out)
    return made


def test_runs_are_put_together_by_all_but_their_seed(runs):
    scenario, curves = read_curves(runs)
    assert scenario == SHORT
    assert [group.label for group in curves] == ["ppo", "ppo, nothing cached"]
    for group in curves:
        assert group.seeds == [0, 1]
        shown = group.as_json()
        assert shown["steps"][-1] >= 6_000
        for low, mid, high in zip(shown["lowest"], shown["median"], shown["highest"], strict=True):
            assert low <= mid <= high
        assert sorted(shown["last"]) == [shown["lowest"][-1], shown["highest"][-1]]
    lines = baselines(scenario, 2, 5)
    assert len(lines) == 2
    assert "lookahead" in lines
    figure = curves_picture("title", curves, lines)
    assert len(figure.axes[0].lines) == 4


def test_what_is_no_run_is_one_line(runs, tmp_path):
    for text, match in (
        (None, r"run\.json: cannot be read"),
        ("{}", "key 'scenario' is missing"),
        ("[1", "not JSON"),
    ):
        if text is not None:
            (tmp_path / "run.json").write_text(text)
        with pytest.raises(InputError, match=match):
            read_curves([tmp_path])
    with pytest.raises(InputError, match="seed 0 of 'ppo' is there twice"):
        read_curves([runs[0], runs[0]])
    other = json.loads((runs[0] / "run.json").read_text()) | {"scenario_digest": "0"}
    (tmp_path / "run.json").write_text(json.dumps(other))
    with pytest.raises(InputError, match="is on scenario 'resnet50-steady', the others on"):
        read_curves([runs[0], tmp_path])
