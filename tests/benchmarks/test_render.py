"""`sushi render`: films and timelines that show what happened, and clear refusals."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pygame")
pytest.importorskip("matplotlib")
pytest.importorskip("imageio_ffmpeg")

import imageio_ffmpeg
from PIL import GifImagePlugin, Image

from sushi_agents import make_policy, run_episodes
from sushi_bench.episodes.episode_recording import chosen_span, record_episode, shown_seconds
from sushi_bench.episodes.pictures_episode import episode_timeline
from sushi_bench.main import main
from sushi_env import Problem, compile_scenario, get_scenario
from sushi_env.rendering.record import EpisodeRecord

SCENARIO = get_scenario("resnet50-busy").replace(queries=120)
PROBLEM = compile_scenario(SCENARIO)
TWO = ("--policy", "sushisched-accuracy", "--policy", "slackfit")


def sushi(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["sushi", "render", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    code = ended.value.code
    assert isinstance(code, int)
    return code


def recorded(problem: Problem, name: str, first: int, queries: int) -> EpisodeRecord:
    span = chosen_span(problem, 7, first, queries)
    return record_episode(problem, make_policy(name, problem), 7, span, name)


def test_a_film_of_two_policies_on_one_clock(monkeypatch, tmp_path, capsys):
    out = tmp_path / "two.gif"
    options = ("--from", "20", "--queries", "15", "--seconds", "0.8", "--seed", "3", "--json")
    assert sushi(monkeypatch, "--scenario", SCENARIO.name, *TWO, *options, "--out", str(out)) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["first"], told["last"], told["frames"]) == (20, 34, 8)
    assert list(told["policies"]) == ["sushisched-accuracy", "slackfit"]
    with Image.open(out) as film:
        assert isinstance(film, GifImagePlugin.GifImageFile)
        assert film.n_frames == 8
        assert film.size == (1280, 632)
        first = np.asarray(film.convert("RGB"))
        film.seek(7)
        last = np.asarray(film.convert("RGB"))
    assert (first[0, 0] == 255).all()
    for half in (slice(0, 640), slice(640, 1280)):
        assert (first[:, half] != last[:, half]).any()
    clock = (slice(10, 36), slice(540, 620)), (slice(10, 36), slice(1180, 1260))
    assert (last[clock[0]] == last[clock[1]]).all()
    assert [path.name for path in tmp_path.iterdir()] == ["two.gif"]


def test_an_mp4_has_its_frames_and_a_timeline_its_size(monkeypatch, tmp_path):
    film, picture = tmp_path / "one.mp4", tmp_path / "one.png"
    short = ("--policy", "static-A", "--queries", "5", "--seconds", "1", "--fps", "8")
    assert sushi(monkeypatch, *short, "--out", str(film)) == 0
    assert imageio_ffmpeg.count_frames_and_secs(str(film))[0] == 8
    assert sushi(monkeypatch, *short, "--out", str(picture)) == 0
    with Image.open(picture) as image:
        assert min(image.size) > 500


def test_a_record_of_the_whole_episode_is_that_of_the_evaluation():
    record = recorded(PROBLEM, "slackfit", 0, 120)
    (metrics,) = run_episodes(PROBLEM, make_policy("slackfit", PROBLEM), 1, 7)
    assert record.totals.resolved == 120
    assert record.totals.mean_utility == pytest.approx(metrics.utility)
    assert record.totals.reloads == metrics.reloads


def test_a_record_goes_as_far_as_the_picture_and_no_further():
    span = chosen_span(PROBLEM, 7, 30, 10)
    begin, end = shown_seconds(PROBLEM, 7, span)
    record = recorded(PROBLEM, "sushisched-accuracy", 30, 10)
    assert record.now_s >= end
    assert record.services[-1].start_s < end
    queries = [s.query for s in record.services] + list(record.waiting)
    assert [query.number for query in queries] == list(range(len(queries)))
    assert queries[30].arrival_s == begin
    assert queries[40].arrival_s == end


def test_the_timeline_shows_every_service_and_adds_up():
    span = chosen_span(PROBLEM, 7, 10, 30)
    begin, end = shown_seconds(PROBLEM, 7, span)
    records = {name: recorded(PROBLEM, name, 10, 30) for name in ("slackfit", "static-C")}
    figure = episode_timeline(PROBLEM, records, 7, span)
    figure.canvas.draw()
    axes = figure.axes
    assert len(axes) == 7
    assert axes[0].get_xlim() == (begin, end)
    assert np.size(axes[0].lines[0].get_xdata()) == 30  # arrivals
    for n, record in enumerate(records.values()):
        shown = [s for s in record.services if s.finish_s > begin and s.start_s < end]
        answered = [s for s in shown if begin <= s.finish_s <= end]
        bars = sum(len(c.get_paths()) for c in axes[1 + 3 * n].collections)
        assert bars == len(shown) + sum(s.subgraph != s.cached for s in shown)
        crosses = [line for line in axes[2 + 3 * n].lines if line.get_marker() == "x"]
        late = sum(not s.on_time for s in answered)
        assert len(crosses) == late
        assert f"{len(answered)} answered: {late} late" in axes[1 + 3 * n].get_title("right")
        (area,) = axes[3 + 3 * n].collections
        most = max(len(record.at(s.start_s - 1e-9).waiting) for s in record.services)
        assert np.asarray(area.get_paths()[0].vertices)[:, 1].max() == most


@pytest.mark.parametrize(
    "changes",
    [
        {"arrivals": {"kind": "closed_loop"}, "load": None},
        {"load": 2.0, "queue_capacity": 3},
        {"load": 2.0, "admission": "drop_hopeless"},
        {"supernet": "mobilenetv3", "queries": 5},
        {"pb_kib": 0},
    ],
    ids=["closed loop", "full queue", "hopeless", "MobileNetV3", "no buffer"],
)
def test_every_kind_of_scenario_can_be_drawn(monkeypatch, tmp_path, changes):
    (tmp_path / "s.yaml").write_text(SCENARIO.replace(**changes).to_yaml())
    for ending in ("png", "gif"):
        out = tmp_path / f"s.{ending}"
        options = ("--scenario", str(tmp_path / "s.yaml"), "--policy", "sushisched-latency")
        window = ("--from", "2", "--queries", "20", "--seconds", "0.3")
        assert sushi(monkeypatch, *options, *window, "--out", str(out)) == 0
        assert out.stat().st_size > 5000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "x.webm"), "must end in .png, .svg, .pdf, .gif, .mp4"),
        (("--out", "no/such/x.gif"), "cannot be written (no folder"),
        (("--out", "x.gif", "--policy", "nobody"), "unknown policy 'nobody'"),
        (("--out", "x.gif", "--scenario", "nowhere"), "unknown scenario 'nowhere'"),
        (("--out", "x.gif", "--from", "1000"), "must be in 0..999: the episode has 1000"),
        (("--out", "x.gif", "--from", "-1"), "must be in 0..999"),
        (("--out", "x.gif", "--queries", "0"), "queries shown = 0, must be at least 1"),
        (("--out", "x.gif", "--seed", "-1"), "seed = -1, must be in"),
        (("--out", "x.gif", "--fps", "0"), "fps = 0, must be in 1..50"),
        (("--out", "x.gif", "--seconds", "nan"), "seconds = nan, must be above 0"),
        (("--out", "x.mp4", "--seconds", "1e9"), "must be above 0 and at most 300"),
        (
            ("--out", "x.png", *TWO, "--policy", "random"),
            "3 policies, must be at most 2",
        ),
        ((), "Missing option '--out'"),
    ],
)
def test_bad_input_is_refused_in_one_line(monkeypatch, tmp_path, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    assert sushi(monkeypatch, *options) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert message in said.err
    assert len(said.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extra_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert sushi(monkeypatch, "--out", str(tmp_path / "x.gif")) == 2
    assert "pip install 'sushi-env[render]'" in capsys.readouterr().err


def test_a_failing_policy_leaves_no_file(monkeypatch, tmp_path, capsys):
    (tmp_path / "bad_to_render.py").write_text(
        "class Bad:\n"
        "    def __init__(self, problem): pass\n"
        "    def predict(self, observation, **_): raise KeyError('lost')\n"
    )
    monkeypatch.chdir(tmp_path)
    out = Path("x.gif")
    assert sushi(monkeypatch, "--policy", "bad_to_render:Bad", "--out", str(out)) == 2
    assert "policy 'bad_to_render:Bad' raised at step 0: KeyError" in capsys.readouterr().err
    assert not out.exists()
