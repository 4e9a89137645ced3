"""Rendering shows the episode, never changes it, and costs nothing where nobody watches."""

import copy
import pickle
import re
import subprocess
import sys
import warnings
from itertools import pairwise

import gymnasium
import numpy as np
import pytest
from gymnasium.error import DependencyNotInstalled, ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import RecordEpisodeStatistics, RecordVideo

from sushi_accel import build_table, get_board, get_supernet
from sushi_env import Engine, InputError, Scenario, ServeEnv, compile_scenario, get_scenario
from sushi_env.rendering.layer_weights import layer_weights
from sushi_env.rendering.record import EpisodeRecord
from sushi_env.rendering.renderer import RENDER_FPS

pygame = pytest.importorskip("pygame")

SHAPE = (632, 640, 3)
BUSY = get_scenario("resnet50-busy").replace(queries=40)
CROWDED = BUSY.replace(load=1.5, queue_capacity=6, queries=300)


def make(mode: str | None, scenario: Scenario = BUSY) -> gymnasium.Env:
    return gymnasium.make("sushi/Serve-v1", scenario=scenario, render_mode=mode)


def actions(env: gymnasium.Env, count: int) -> list[np.ndarray]:
    space = env.action_space
    space.seed(3)
    return [space.sample() for _ in range(count)]


def frame_of(env: gymnasium.Env) -> np.ndarray:
    frame = env.render()
    assert isinstance(frame, np.ndarray)
    assert (frame.shape, frame.dtype) == (SHAPE, np.uint8)
    return frame


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.mark.parametrize("mode", [None, "human", "rgb_array", "ansi"])
def test_gymnasiums_checker_is_content_with_every_mode(mode):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = make(mode)
        check_env(env.unwrapped, skip_render_check=mode == "human")  # it makes all the others
        env.close()


def test_watching_changes_nothing_and_pixels_are_the_same_every_time():
    watched, again, alone = make("rgb_array"), make("rgb_array"), make(None)
    seen = [env.reset(seed=5)[0].tobytes() for env in (watched, again, alone)]
    assert len(set(seen)) == 1
    frames = []
    for action in actions(watched, 30):
        steps = [env.step(action) for env in (watched, again, alone)]
        assert len({step[0].tobytes() for step in steps}) == 1
        assert len({step[1] for step in steps}) == 1
        frame = frame_of(watched)
        assert (frame == frame_of(again)).all()
        frames.append(frame)
    assert all((a != b).any() for a, b in pairwise(frames))
    assert len(np.unique(frames[-1].reshape(-1, 3), axis=0)) > 30


def test_the_real_wrappers_record_a_video_and_statistics(tmp_path):
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    pytest.importorskip("moviepy")
    env = RecordVideo(make("rgb_array"), str(tmp_path / "videos"), episode_trigger=lambda _: True)
    env = RecordEpisodeStatistics(env)
    env.reset(seed=0)
    total, truncated, info = 0.0, False, {}
    for action in actions(env, BUSY.queries):
        _, reward, _, truncated, info = env.step(action)
        total += float(reward)
        if truncated:
            break
    env.close()
    assert truncated
    assert info["episode"]["r"] == pytest.approx(total)
    (video,) = (tmp_path / "videos").iterdir()
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(video))
    assert frames == info["episode"]["l"] + 1
    assert seconds == pytest.approx(frames / RENDER_FPS, abs=0.2)


def test_the_window_opens_with_the_first_frame_and_shows_what_rgb_array_does():
    env, pixels = make("human"), make("rgb_array")
    assert not pygame.display.get_init()
    env.reset(seed=1)
    pixels.reset(seed=1)
    for action in actions(env, 3):
        env.step(action)
        pixels.step(action)
        surface = pygame.display.get_surface()
        assert surface is not None
        shown = pygame.surfarray.array3d(surface).transpose(1, 0, 2)
        assert (shown == frame_of(pixels)).all()
    assert env.render() is None
    env.close()
    assert not pygame.display.get_init()
    env.close()  # twice does no harm
    env.reset(seed=2)
    assert pygame.display.get_init()
    env.close()


def test_text_says_what_happens():
    env = make("ansi")
    env.reset(seed=4)
    text = env.render()
    assert isinstance(text, str)
    assert "nobody yet" in plain(text)
    env.step(np.array([5, 3]))
    info = env.step(np.array([1, 3]))[-1]
    text = env.render()
    assert isinstance(text, str)
    lines = {line[:10].strip(): line for line in plain(text).splitlines()}
    took = 1e3 * (info["finish_s"] - info["arrival_s"])
    assert f"B  in {took:.0f} of" in lines["served"]
    assert "SubGraph A+B, 1.69 of 1.69 MiB" in lines["buffer"]
    assert lines["SubNets"].split()[1] == "FB"
    assert "1 reloads" in lines["so far"]
    assert max(map(len, lines.values())) <= 100


@pytest.mark.parametrize("admission", ["keep", "drop_hopeless"])
def test_the_record_is_what_the_observations_and_metrics_say(admission):
    """Also at any earlier time: the film of an episode rests on it."""
    problem = compile_scenario(CROWDED.replace(admission=admission))
    engine = Engine(problem, 3)
    engine.seed(np.arange(3, dtype=np.uint64))
    engine.reset()
    record = EpisodeRecord(engine, row=1)
    random, waited, cached = np.random.default_rng(0), [], []
    while not engine.truncated[1]:
        waiting = problem.layout.part(engine.observation[1], "waiting")[0]
        waited.append(round(float(waiting) * problem.scenario.queue_capacity))
        cached.append(int(problem.layout.part(engine.observation[1], "cached").argmax()))
        assert len(record.present().waiting) == waited[-1]
        action = random.integers([3, 16], size=(3, 2))
        engine.step(action)
        record.note(*action[1].tolist())
        if engine.truncated[[0, 2]].any():
            engine.reset(np.flatnonzero(engine.truncated & [True, False, True]))
    metrics, totals = engine.metrics(1), record.totals
    assert totals.dropped > 0
    assert totals.mean_utility == pytest.approx(metrics.utility)
    assert totals.on_time / totals.resolved == pytest.approx(metrics.slo_attainment)
    assert totals.mean_top1 == pytest.approx(metrics.served_accuracy)
    assert totals.dropped / totals.resolved == pytest.approx(metrics.drop_rate)
    assert totals.reloads == metrics.reloads
    for k, service in enumerate(record.services):
        then = record.at(service.start_s)
        assert len(then.waiting) == waited[k] - 1
        assert then.cached == cached[k] == service.cached
        assert then.serving is service
        assert then.totals.served == k
        assert record.at(service.finish_s).totals == service.totals


def test_nothing_is_recorded_or_imported_unless_somebody_watches():
    code = (
        "import sys, gymnasium, sushi_env, numpy as np\n"
        "env = gymnasium.make('sushi/Serve-v1').unwrapped\n"
        "env.reset(seed=0); env.step(np.array([0, 0]))\n"
        "assert env._renderer is None\n"
        "print([m for m in sys.modules if m in ('pygame', 'matplotlib', 'moviepy')\n"
        "       or m.startswith('sushi_env.rendering.') and 'painter' in m])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_is_missing_or_wrong_is_said_in_one_line(monkeypatch):
    with pytest.raises(InputError, match="'rgb', must be None or one of human, rgb_array, ansi"):
        ServeEnv(render_mode="rgb")
    env = ServeEnv(render_mode="rgb_array")
    with pytest.raises(ResetNeeded, match="call reset first"):
        env.render()
    env.reset(seed=0)
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(DependencyNotInstalled, match=r"pip install 'sushi-env\[render\]'"):
        env.render()
    with pytest.warns(UserWarning, match="without a render_mode"):
        assert ServeEnv().render() is None


@pytest.mark.parametrize("mode", ["rgb_array", "ansi"])
def test_copies_show_the_same(mode):
    def shown(env: ServeEnv) -> bytes:
        frame = env.render()
        assert frame is not None
        return frame.encode() if isinstance(frame, str) else frame.tobytes()

    env = ServeEnv(BUSY, render_mode=mode)
    env.reset(seed=0)
    env.step(np.array([2, 5]))
    before = shown(env)
    for twin in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        assert shown(twin) == before
        twin.step(np.array([1, 1]))
        assert shown(twin) != before
    assert shown(env) == before


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_the_vector_environment_shows_each_as_if_it_were_alone(mode):
    scenario = BUSY.replace(queries=4)
    many = gymnasium.make_vec(
        "sushi/Serve-v1",
        num_envs=2,
        vectorization_mode="vector_entry_point",
        scenario=scenario,
        autoreset_mode=mode,
        render_mode="rgb_array",
    )
    single = [ServeEnv(scenario, render_mode="rgb_array") for _ in range(2)]
    many.reset(seed=8)
    for k, env in enumerate(single):
        env.reset(seed=8 + k)
    over = np.zeros(2, dtype=bool)
    for n in range(7):
        action = np.array([[n % 6, n % 16], [(n + 1) % 6, 0]])
        if mode is AutoresetMode.DISABLED and over.any():
            many.reset(options={"reset_mask": over.copy()})
            for k in np.flatnonzero(over):
                single[k].reset()
            over[:] = False
        before = over.copy()
        over = many.step(action)[3]
        for k, env in enumerate(single):
            if mode is AutoresetMode.NEXT_STEP and before[k]:
                env.reset()
            else:
                env.step(action[k])
            if mode is AutoresetMode.SAME_STEP and over[k]:
                env.reset()
        frames = many.render()
        assert frames is not None
        for frame, env in zip(frames, single, strict=True):
            assert np.array_equal(frame, frame_of(env))
    many.close()


@pytest.mark.parametrize("supernet", ["resnet50", "mobilenetv3"])
def test_layers_hold_the_tables_bytes(supernet):
    problem = compile_scenario(BUSY.replace(supernet=supernet))
    weights = layer_weights(problem)
    assert weights.subnets.sum(axis=1) == pytest.approx(problem.table.weight_bytes)
    assert weights.subgraphs.sum(axis=1) == pytest.approx(problem.table.subgraph_bytes)
    assert (weights.subgraphs <= weights.largest).all()
    env = ServeEnv(BUSY.replace(supernet=supernet), render_mode="rgb_array")
    env.reset(seed=0)
    env.step(np.array([6 if supernet == "mobilenetv3" else 5, 1]))
    frame_of(env)


def test_a_table_that_is_not_the_supernets_own_is_drawn_from_its_vectors():
    table = build_table(get_supernet("resnet50"), get_board("alveo_u50"), num_subgraphs=5)
    weights = layer_weights(compile_scenario(BUSY, table))
    assert weights.subgraphs.shape == (5, 61)
    assert not weights.subgraphs[0].any()
    assert weights.subgraphs[1:].any(axis=1).all()
