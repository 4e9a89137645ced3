"""Interquartile means, stratified bootstrap and comparisons, held against other computations."""

import numpy as np
import pytest

from sushi_bench.scores.bootstrap import Interval, interquartile_mean, mean, with_intervals
from sushi_bench.scores.ranking import differences, improvement, profile

RNG = np.random.default_rng(5)
SCENARIOS, EPISODES = 6, 50


def middle_half(values: list[float]) -> float:
    """The interquartile mean as its definition says, without SciPy."""
    cut = len(values) // 4
    kept = sorted(values)[cut : len(values) - cut]
    return sum(kept) / len(kept)


@pytest.mark.parametrize("shape", [(1, 4), (2, 3), (6, 50), (18, 50), (1, 1), (3, 1)])
def test_interquartile_mean_is_the_mean_of_the_middle_half(shape: tuple[int, int]):
    scores = RNG.normal(size=(3, *shape))
    expected = [middle_half(policy.ravel().tolist()) for policy in scores]
    assert interquartile_mean(scores) == pytest.approx(expected, abs=1e-12)


def test_outliers_on_either_side_do_not_move_it():
    scores = RNG.normal(size=(1, SCENARIOS, EPISODES))
    wild = scores.copy()
    wild[0].flat[np.argsort(scores[0], axis=None)[-20:]] = 1e9
    wild[0].flat[np.argsort(scores[0], axis=None)[:20]] = -1e9
    assert interquartile_mean(wild) == pytest.approx(interquartile_mean(scores), abs=1e-12)


def by_hand(scores: np.ndarray, statistic, resamples: int) -> tuple[float, float]:
    """A stratified percentile bootstrap of one policy, with a loop and another random stream."""
    rng = np.random.default_rng(99)
    rows = np.arange(len(scores))[:, None]
    drawn = [
        statistic(scores[rows, rng.integers(scores.shape[1], size=scores.shape)])
        for _ in range(resamples)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


@pytest.mark.parametrize("statistic", [interquartile_mean, mean])
def test_intervals_are_those_of_a_bootstrap_by_hand(statistic):
    centres = np.linspace(0, 3, SCENARIOS)[:, None]
    scores = centres + RNG.exponential(size=(2, SCENARIOS, EPISODES))
    for found, policy in zip(with_intervals(scores, statistic), scores, strict=True):
        low, high = by_hand(policy, lambda drawn: statistic(drawn), 2000)
        assert found.value == pytest.approx(float(statistic(policy)))
        width = high - low
        assert found.low == pytest.approx(low, abs=0.08 * width)
        assert found.high == pytest.approx(high, abs=0.08 * width)


def test_episodes_are_drawn_within_scenarios_never_across():
    apart = np.repeat(np.arange(6.0), EPISODES).reshape(1, SCENARIOS, EPISODES)
    (found,) = with_intervals(apart, mean)
    assert found == Interval(2.5, 2.5, 2.5)


def test_all_policies_are_resampled_alike():
    one = RNG.normal(size=(SCENARIOS, EPISODES))
    a, b, c = with_intervals(np.stack([one, one, one + 1]))
    assert a == b
    assert (c.low - 1, c.high - 1) == pytest.approx((a.low, a.high), abs=1e-12)
    assert with_intervals(np.stack([one, one, one + 1])) == [a, b, c]


@pytest.mark.parametrize("statistic", [interquartile_mean, mean])
def test_intervals_cover_the_truth_about_as_often_as_they_say(statistic):
    rng = np.random.default_rng(11)
    spread = np.array([0.5, 1.0, 2.0])[:, None]
    trials = 150
    scores = 7 + spread * rng.normal(size=(trials, 3, EPISODES))  # one call, one policy a trial
    covered = np.mean([i.low <= 7 <= i.high for i in with_intervals(scores, statistic)])
    assert 0.89 <= covered <= 0.99


def test_one_episode_has_an_interval_of_no_width():
    (found,) = with_intervals(np.array([[[0.25], [0.75]]]))
    assert found == Interval(0.5, 0.5, 0.5)


def test_probability_of_improvement_on_simple_cases():
    base = RNG.normal(size=(SCENARIOS, EPISODES))
    half = base + np.where(np.arange(EPISODES) % 2, 1.0, -1.0)
    quarter = base + np.where(np.arange(EPISODES) % 2, 1.0, 0.0)  # ties count half
    found = improvement(np.stack([base, base + 0.1, base - 0.1, half, quarter]), base)
    assert [i.value for i in found] == [0.5, 1.0, 0.0, 0.5, 0.75]
    assert found[0] == Interval(0.5, 0.5, 0.5)
    assert found[1] == Interval(1.0, 1.0, 1.0)
    assert 0.4 < found[3].low < 0.5 < found[3].high < 0.6


def test_probability_of_improvement_is_paired():
    queries = 100 * RNG.normal(size=(SCENARIOS, EPISODES))  # far larger than the policies' gap
    (found,) = improvement((queries + 0.01)[None], queries)
    assert found.value == 1.0


def test_paired_differences():
    base = 100 * RNG.normal(size=(SCENARIOS, EPISODES))
    gap = RNG.normal(0.5, 0.1, size=base.shape)
    same, better = differences(np.stack([base, base + gap]), base)
    assert same == Interval(0.0, 0.0, 0.0)
    assert better.value == pytest.approx(gap.mean())
    error = gap.std() / np.sqrt(gap.size)
    assert better.high - better.low == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_profiles_are_shares_above_a_level():
    scores = np.array([[[0.0, 0.25], [0.5, 1.0]]])
    levels = np.array([-1.0, 0.0, 0.3, 0.5, 1.0])
    assert profile(scores, levels).tolist() == [[1.0, 0.75, 0.5, 0.25, 0.0]]
    many = RNG.normal(size=(2, SCENARIOS, EPISODES))
    expected = [[(policy > level).mean() for level in levels] for policy in many]
    assert profile(many, levels) == pytest.approx(np.array(expected))


def test_intervals_overlap_or_not():
    low, high = Interval(0.1, 0.0, 0.2), Interval(0.4, 0.3, 0.5)
    assert low.apart_from(high)
    assert high.apart_from(low)
    assert not low.apart_from(Interval(0.3, 0.2, 0.4))
