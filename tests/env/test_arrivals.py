"""Arrivals have the rate, the spread and the shape that a scenario asks for, whoever schedules.

All draws are of fixed seeds. Tolerances are intervals of the statistic over independent episodes,
or the p-value of a test; times are counted in mean gaps, as `sushi_env.scenario.traffic` does.
"""

import math

import numpy as np
import pytest
from scipy import integrate, linalg, stats

from sushi_env import Problem, compile_scenario, get_scenario, scenario_names
from sushi_env.engine.arrivals import realised_arrivals

CERTAIN = 0.9999
"""Confidence of the intervals; a right figure is outside once in ten thousand."""

RECORDED = np.random.default_rng(0).pareto(1.5, size=40).cumsum().round(3)


@pytest.fixture(scope="module")
def trace(tmp_path_factory) -> dict:
    path = tmp_path_factory.mktemp("trace") / "times.csv"
    path.write_text("arrival_s\n" + "".join(f"{time}\n" for time in RECORDED.tolist()))
    return {"kind": "trace", "path": str(path)}


POISSON = {"kind": "poisson"}
SMOOTH = {"kind": "gamma", "scv": 0.2}
ROUGH = {"kind": "gamma", "scv": 5}
TWO_STATES = {"kind": "mmpp", "rates": [1, 9], "dwell_queries": [200, 50]}
THREE_STATES = {"kind": "mmpp", "rates": [3, 0, 12], "dwell_queries": [80, 40, 25]}
DAY = {"kind": "diurnal", "period_queries": 400, "amplitude": 0.9}
CROWD = {"kind": "flash_crowd", "period_queries": 600, "duration_queries": 120, "peak": 10}
TRAFFIC = [POISSON, SMOOTH, ROUGH, TWO_STATES, THREE_STATES, DAY, CROWD]
each = pytest.mark.parametrize("kind", TRAFFIC, ids=lambda kind: f"{kind['kind']}-{len(str(kind))}")


def problem_of(arrivals: dict, **changes) -> Problem:
    return compile_scenario(get_scenario("resnet50-busy").replace(arrivals=arrivals, **changes))


def episodes(problem: Problem, count: int, queries: int) -> np.ndarray:
    """Arrival times of episodes of different seeds, in the mean gaps that the load asks for."""
    load, uncached = problem.scenario.load, problem.table.latency_s[:, 0]
    assert load is not None
    times = [realised_arrivals(problem, seed, 0, queries).times for seed in range(count)]
    return np.array(times) * (load / uncached.min())


def counts(problem: Problem, count: int, window: float) -> np.ndarray:
    """Arrivals within a window from an episode's beginning, over episodes of different seeds."""
    times = episodes(problem, count, int(window * problem.rates.max() * 1.5 + 100))
    assert (times[:, -1] > window).all()
    return (times <= window).sum(axis=1)


def interval(draws: np.ndarray) -> tuple[float, float]:
    """Where the mean lies that independent draws are of."""
    low, high = stats.t.interval(CERTAIN, len(draws) - 1, draws.mean(), stats.sem(draws))
    return float(low), float(high)


def check_rate(problem: Problem, window: int = 700) -> None:
    """Gaps of renewals and traces begin at an arrival, the others at any point of time."""
    if problem.scenario.arrivals.kind in ("gamma", "trace"):
        low, high = interval(episodes(problem, 1000, window)[:, -1] / window)
    else:
        low, high = interval(counts(problem, 1000, window) / window)
    assert low < 1 < high
    assert high - low < 0.3


@pytest.mark.parametrize("window", [80, 700])
@each
def test_the_mean_rate_is_the_offered_load(kind, window):
    check_rate(problem_of(kind, load=0.3), window)


@pytest.mark.parametrize("name", scenario_names())
def test_the_mean_rate_of_a_named_scenario_is_its_load(name):
    check_rate(compile_scenario(get_scenario(name)))


def test_the_mean_rate_of_a_replayed_trace_is_the_offered_load(trace):
    check_rate(problem_of(trace, load=0.3))


@pytest.mark.parametrize("scv", [0.05, 0.5, 1, 5, 20])
def test_gamma_gaps_have_the_spread_asked_for(scv):
    times = episodes(problem_of({"kind": "gamma", "scv": scv}), 20, 5000)
    gaps = np.diff(times, prepend=0.0)
    low, high = interval(((gaps - 1) ** 2).ravel())
    assert low < scv < high
    assert high - low < 0.3 * scv
    gamma, visible = stats.gamma(1 / scv, scale=scv), 1e-9  # of shorter ones times keep nothing
    seen = gaps[:4][gaps[:4] > visible]
    tested = stats.kstest(seen, lambda gap: 1 - gamma.sf(gap) / gamma.sf(visible))
    assert tested.pvalue > 1e-4
    ranks = stats.rankdata(gaps.ravel())
    assert abs(np.corrcoef(ranks[1:], ranks[:-1])[0, 1]) < 4 / math.sqrt(len(ranks))


def test_gamma_gaps_without_spread_are_clockwork():
    times = episodes(problem_of({"kind": "gamma", "scv": 0}), 3, 500)
    np.testing.assert_allclose(times, np.tile(np.arange(1, 501), (3, 1)), rtol=1e-12)


def test_poisson_gaps_are_exponential():
    gaps = np.diff(episodes(problem_of(POISSON), 20, 1000), prepend=0.0)
    assert stats.kstest(gaps.ravel(), stats.expon.cdf).pvalue > 1e-4


def day_rate(at: np.ndarray) -> np.ndarray:
    return 1 + DAY["amplitude"] * np.sin(2 * np.pi * at / DAY["period_queries"])


def crowd_rate(at: np.ndarray) -> np.ndarray:
    """A crowd leaves in 32 even steps; the mean over a period is 1."""
    duration, period, peak = CROWD["duration_queries"], CROWD["period_queries"], CROWD["peak"]
    left = np.minimum((np.floor(at % period / duration * 32) + 0.5) / 32, 1)
    quiet = 1 / (1 + (peak - 1) / 2 * duration / period)
    return quiet * (1 + (peak - 1) * (1 - left) * (at % period < duration))


CYCLES = [(DAY, day_rate), (CROWD, crowd_rate)]
CELLS, BINS = 12_000, 60


@pytest.mark.parametrize(("kind", "rate"), CYCLES, ids=["diurnal", "flash_crowd"])
def test_the_rate_goes_round_as_documented(kind, rate):
    """Folded by the period, arrivals have the documented shape, from an unknown hour on."""
    period, rounds = kind["period_queries"], 300
    times = episodes(problem_of(kind), 1, int(period * rounds * 1.1))[0]
    assert times[-1] > period * rounds
    cells = (times[times < period * rounds] % period / period * CELLS).astype(int)
    found = np.bincount(cells, minlength=CELLS)
    shape = rate((np.arange(CELLS) + 0.5) * period / CELLS)
    assert shape.mean() == pytest.approx(1, abs=1e-3)
    likelihood = np.fft.irfft(np.fft.rfft(found) * np.fft.rfft(np.log(shape)).conj(), CELLS)
    expected = np.roll(shape, int(likelihood.argmax())).reshape(BINS, -1).sum(axis=1)
    expected *= found.sum() / expected.sum()
    tested = stats.chisquare(found.reshape(BINS, -1).sum(axis=1), expected, ddof=1)
    assert tested.pvalue > 1e-4
    assert stats.chisquare(found.reshape(BINS, -1).sum(axis=1)).pvalue < 1e-100


def variance(kind: dict, window: float) -> float:
    """Variance of the arrivals in a window that begins at any point of time."""
    if kind["kind"] == "mmpp":
        rates, dwell = np.array(kind["rates"], float), np.array(kind["dwell_queries"], float)
        share = dwell / dwell.sum()
        rates /= (rates * share).sum()
        others = np.ones((len(dwell), len(dwell))) / (len(dwell) - 1)
        np.fill_diagonal(others, -1)
        generator = others / dwell[:, None]

        def covariance(lag: float) -> float:
            later = linalg.expm(generator * lag) @ rates
            return float((share * rates * later).sum()) - 1

        both = integrate.quad(lambda lag: (window - lag) * covariance(lag), 0, window)[0]
        return window + 2 * both
    rate = {"diurnal": day_rate, "flash_crowd": crowd_rate}.get(kind["kind"])
    if rate is None:
        return window
    at = (np.arange(CELLS) + 0.5) * kind["period_queries"] / CELLS
    length = round(window / kind["period_queries"] * CELLS)
    expected = np.convolve(np.tile(rate(at), 2), np.ones(length))[length : length + CELLS]
    return window + float((expected * window / length).var())


@pytest.mark.parametrize("window", [15, 150])
@pytest.mark.parametrize(
    "kind", [POISSON, TWO_STATES, THREE_STATES, DAY, CROWD], ids=lambda kind: kind["kind"]
)
def test_arrivals_come_as_unevenly_as_the_process_says(kind, window):
    """For the Markov-modulated, that is how often and how long it is in which state."""
    low, high = interval((counts(problem_of(kind), 2500, window) - window) ** 2.0)
    assert low < variance(kind, window) < high
    assert high < 1.8 * low


def test_a_trace_is_replayed_gap_by_gap_from_a_random_one_on(trace):
    gaps = np.append(np.diff(RECORDED) / np.diff(RECORDED).mean(), 1.0)
    times = episodes(problem_of(trace), 2000, 2 * len(gaps))
    found = np.diff(times, prepend=0.0)
    starts = np.abs(found[:, None, :3] - [np.roll(gaps, -s)[:3] for s in range(len(gaps))])
    begun = starts.sum(axis=2).argmin(axis=1)
    expected = np.array([np.tile(np.roll(gaps, -s), 2) for s in begun])
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert stats.chisquare(np.bincount(begun, minlength=len(gaps))).pvalue > 1e-4
    problem = problem_of(trace)
    first = [realised_arrivals(problem, 0, episode, 1).times[0] for episode in range(20)]
    assert len(set(first)) > 5


def disjoint(regimes: int, length: float) -> Problem:
    """Each regime has a class of its own, so that the classes show the regimes."""
    return problem_of(
        POISSON,
        classes=[{"name": str(n), "slo": 1.0} for n in range(regimes)],
        regimes=np.eye(regimes).tolist(),
        regime_queries=length,
    )


@pytest.mark.parametrize("length", [1, 2.5, 40])
def test_regimes_last_as_long_as_stated_and_others_follow_evenly(length):
    classes = realised_arrivals(disjoint(4, length), 3, 0, int(5000 * length)).classes
    ends = np.flatnonzero(np.diff(classes))
    lengths, regimes = np.diff(ends), classes[ends]
    steps = (regimes[1:] - regimes[:-1]) % 4
    assert stats.chisquare(np.bincount(steps, minlength=4)[1:]).pvalue > 1e-4
    if length == 1:
        assert (lengths == 1).all()
        return
    bounds = np.unique(stats.geom.ppf(np.linspace(0.1, 0.9, 9), 1 / length))
    found = np.bincount(np.searchsorted(bounds, lengths), minlength=len(bounds) + 1)
    share = np.diff(stats.geom.cdf(bounds, 1 / length), prepend=0, append=1)
    assert stats.chisquare(found, share * found.sum()).pvalue > 1e-4


def test_an_episode_begins_in_any_regime():
    problem = disjoint(3, 100)
    first = [realised_arrivals(problem, seed, 0, 1).classes[0] for seed in range(900)]
    assert stats.chisquare(np.bincount(first)).pvalue > 1e-4


def test_within_a_regime_classes_are_drawn_as_weighted():
    problem = problem_of(POISSON, regimes=[[1.0, 4.0, 2.0]])
    classes = realised_arrivals(problem, 0, 0, 20_000).classes
    weights = np.array([1, 4, 2]) / 7
    assert stats.chisquare(np.bincount(classes), weights * 20_000).pvalue > 1e-4
    together = np.bincount(classes[1::2] * 3 + classes[:-1:2], minlength=9)
    assert stats.chisquare(together, np.outer(weights, weights).ravel() * 10_000).pvalue > 1e-4
