"""The queries of an episode in plain Python, from the definition of the random streams."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from sushi_env import Problem
from sushi_env.scenario.traffic import (
    DiurnalArrivals,
    FlashCrowdArrivals,
    GammaArrivals,
    MmppArrivals,
)

WORD = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
ONCE = WORD
GAP, CLASS, REGIME, MODULATION, JITTER = range(1, 6)


def mix(z: int) -> int:
    """SplitMix64's finaliser."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & WORD
    return z ^ (z >> 31)


def stream_key(seed: int, episode: int, stream: int) -> int:
    """Key of one stream of one episode of one seed."""
    key = mix(seed + GOLDEN & WORD)
    key = mix(key ^ (episode + GOLDEN & WORD))
    return mix(key ^ (stream * GOLDEN & WORD))


def uniform(key: int, counter: int) -> float:
    """Draw `counter` of a stream, in (0, 1)."""
    return ((mix(key + (counter + 1) * GOLDEN & WORD) >> 11) + 0.5) * 2.0**-53


def logarithm(x: float) -> float:
    """Natural logarithm by the series of artanh; the engine's own, whose last bit counts."""
    m, exponent = math.frexp(x)
    m, exponent = 2 * m, exponent - 1
    if m > 1.4142135623730951:
        m, exponent = m / 2, exponent + 1
    s = (m - 1) / (m + 1)
    series = 1 / 19
    for n in range(17, 0, -2):
        series = series * (s * s) + 1 / n
    return exponent * 0.6931471805599453 + 2 * s * series


def normal(key: int, counter: int) -> float:
    """A standard normal draw, by the polar method."""
    while True:
        a, b = 2 * uniform(key, counter) - 1, 2 * uniform(key, counter + 1) - 1
        counter += 2
        r = a * a + b * b
        if 0 < r < 1:
            return a * math.sqrt(-2 * logarithm(r) / r)


def gamma(key: int, counter: int, shape: float) -> float:
    """A gamma draw of unit scale (Marsaglia and Tsang 2000)."""
    d = max(shape, shape + 1 if shape < 1 else shape) - 1 / 3
    c = 1 / math.sqrt(9 * d)
    boost = logarithm(uniform(key, counter)) / shape if shape < 1 else 0.0
    while True:
        x = normal(key, counter + 256)
        v = (1 + c * x) ** 3
        counter += 512
        if v > 0:
            if logarithm(uniform(key, counter)) < 0.5 * x * x + d - d * v + d * logarithm(v):
                return d * v * math.exp(boost)
        else:
            counter -= 256


@dataclass
class Query:
    """One query: its number, arrival time, and class."""

    number: int
    arrival: float
    kind: int


class PythonArrivals:
    """What comes in one episode of a compiled scenario, and how long its services take.

    Args:
        problem: The compiled scenario.
        seed: Seed of the environment.
        episode: Number of the episode.
    """

    def __init__(self, problem: Problem, seed: int, episode: int):
        self.problem, self.scenario = problem, problem.scenario
        self.keys = {n: stream_key(seed & WORD, episode, n) for n in range(1, 6)}
        self.mean_gap = float(problem.parameters["mean_gap"][0])
        self.trace = problem.trace.tolist()
        self.rates, self.spans = problem.rates.tolist(), problem.spans.tolist()

    def queries(self) -> Iterator[Query]:
        """The queries in order of arrival, without end."""
        regimes = self.scenario.regimes
        key = self.keys[REGIME]
        regime = min(int(uniform(key, ONCE) * len(regimes)), len(regimes) - 1)
        changes, left, time = 0, self._regime_length(0), 0.0
        for number, gap in enumerate(self._gaps()):
            time += gap * self.mean_gap
            if left == 0:
                other = min(int(uniform(key, 2 * changes) * (len(regimes) - 1)), len(regimes) - 2)
                regime = other if other < regime else other + 1
                changes += 1
                left = self._regime_length(changes)
            left -= 1
            u = uniform(self.keys[CLASS], number)
            cumulative = self.problem.class_cdf[regime]
            kind = next((c for c, p in enumerate(cumulative) if u < p), len(cumulative) - 1)
            yield Query(number, time, kind)

    def _regime_length(self, changes: int) -> int:
        switch = 1 / self.scenario.regime_queries
        if len(self.scenario.regimes) == 1:
            return 2**62
        if switch == 1:
            return 1
        stay = float(self.problem.parameters["log_regime_stay"][0])
        return 1 + int(logarithm(uniform(self.keys[REGIME], 2 * changes + 1)) / stay)

    def _gaps(self) -> Iterator[float]:
        """Gaps between arrivals, of mean 1."""
        traffic, key = self.scenario.arrivals, self.keys[GAP]
        start = uniform(self.keys[MODULATION], ONCE)
        number = 0
        if isinstance(traffic, MmppArrivals | DiurnalArrivals | FlashCrowdArrivals):
            yield from self._modulated(start, isinstance(traffic, MmppArrivals))
        while traffic.kind == "poisson":
            yield -logarithm(uniform(key, number))
            number += 1
        while isinstance(traffic, GammaArrivals):
            scv = traffic.scv
            yield scv * gamma(key, number << 20, 1 / scv) if scv > 0 else 1.0
            number += 1
        at = min(int(start * len(self.trace)), len(self.trace) - 1)
        while traffic.kind == "trace":
            yield self.trace[at]
            at = (at + 1) % len(self.trace)
        while True:
            yield 0.0

    def _modulated(self, start: float, markov: bool) -> Iterator[float]:
        """A rate that changes: each query takes the time in which it does its share of work."""
        count, key = len(self.rates), self.keys[MODULATION]
        at, segment = start * sum(self.spans), 0
        while segment < count - 1 and at >= self.spans[segment]:
            at -= self.spans[segment]
            segment += 1
        switches = number = 0
        left = max(self.spans[segment] - at, 0.0)
        if markov:
            left = -logarithm(uniform(key, 0)) * self.spans[segment]
        while True:
            work, gap = -logarithm(uniform(self.keys[GAP], number)), 0.0
            while work > self.rates[segment] * left:
                work -= self.rates[segment] * left
                gap += left
                if markov:
                    other = min(int(uniform(key, 2 * switches + 1) * (count - 1)), count - 2)
                    segment = other if other < segment else other + 1
                    switches += 1
                    left = -logarithm(uniform(key, 2 * switches)) * self.spans[segment]
                else:
                    segment = (segment + 1) % count
                    left = self.spans[segment]
            step = work / self.rates[segment]
            left -= step
            yield gap + step
            number += 1

    def jitter(self, number: int) -> float:
        """Factor of the service time of a query."""
        if self.scenario.service_jitter == 0:
            return 1.0
        sigma = float(self.problem.parameters["jitter_sigma"][0])
        return math.exp(sigma * normal(self.keys[JITTER], number << 8) - sigma * sigma / 2)
