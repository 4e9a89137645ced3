"""The serving engine in plain Python: an ordinary simulator, one environment, a heap of events.

It is what the compiled engine must agree with, and what its speed is compared with. It shares
the scenario's table and figures with the engine, and nothing else: it draws its own queries
from the definition of the streams, and keeps its own clock, queue, and records.
"""

import heapq
import math
import statistics
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sushi_env import Problem
from sushi_env.engine.layout import OBSERVED_QUERIES
from sushi_env.scenario.traffic import (
    DiurnalArrivals,
    FlashCrowdArrivals,
    GammaArrivals,
    MmppArrivals,
)
from sushi_env.step_info import COMPONENT_KEYS

WORD = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
ONCE = WORD
GAP, CLASS, REGIME, MODULATION, JITTER = range(1, 6)

ARRIVAL, FREE = range(2)
"""Events; at the same time, arrivals come first."""


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


class PythonTwin:
    """One environment of a compiled scenario.

    Args:
        problem: The compiled scenario.
    """

    def __init__(self, problem: Problem):
        table, scenario = problem.table, problem.scenario
        self.problem, self.scenario = problem, scenario
        self.latency = table.latency_s.tolist()
        self.reload = table.reload_s.tolist()
        self.reload_bytes = table.reload_bytes.tolist()
        self.offchip = table.offchip_bytes.tolist()
        self.top1 = table.top1.tolist()
        low, high = min(self.top1), max(self.top1)
        self.spread = max(high - low, 1e-9)
        self.accuracy = [(top1 - low) / self.spread for top1 in self.top1]
        slowest = max(row[0] for row in self.latency)
        self.fastest = min(row[0] for row in self.latency)
        self.slo = [kind.slo * slowest for kind in scenario.classes]
        self.floor = [kind.floor for kind in scenario.classes]
        self.most_bytes = max(row[0] for row in self.offchip)
        self.weights = problem.reward_weights.tolist()
        self.mean_gap = float(problem.parameters["mean_gap"][0])
        self.trace = problem.trace.tolist()
        self.rates, self.spans = problem.rates.tolist(), problem.spans.tolist()
        worst = max(max(row) for row in self.latency)
        slowest_reload = max(max(max(row) for row in self.reload), 1e-300)
        S, G = len(self.latency), len(self.reload)
        self.seen = [
            [float(j == g) for j in range(G)]
            + [self.latency[i][g] / worst for i in range(S)]
            + [self.reload[g][j] / slowest_reload for j in range(G)]
            for g in range(G)
        ]
        self.closed_loop = scenario.arrivals.kind == "closed_loop"

    def reset(self, seed: int, episode: int = 0) -> np.ndarray:
        """Starts an episode; returns its first observation."""
        self.keys = {n: stream_key(seed & WORD, episode, n) for n in range(1, 6)}
        self.now = self.last_arrival = self.last_change = 0.0
        self.observed_gap = self.mean_gap
        self.cached = self.served = self.dropped = self.reloads = 0
        self.queue: deque[Query] = deque()
        self.shares = [0.0] * len(self.latency)
        self.records: list[dict[str, float]] = []
        self.rewards: list[float] = []
        self.queries = self._queries()
        self.events: list[tuple[float, int, Query | None]] = []
        if not self.closed_loop:
            self._schedule_arrival()
        self._until_decision()
        return self.observation()

    # The queries of an episode.

    def _queries(self) -> Iterator[Query]:
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

    # What happens.

    def _schedule_arrival(self) -> None:
        query = next(self.queries)
        heapq.heappush(self.events, (query.arrival, ARRIVAL, query))

    def _over(self) -> bool:
        return self.served + self.dropped >= self.scenario.queries

    def _arrive(self, query: Query) -> None:
        self.observed_gap += (query.arrival - self.last_arrival - self.observed_gap) / 32
        self.last_arrival = query.arrival
        if len(self.queue) < self.scenario.queue_capacity:
            self.queue.append(query)
        else:
            self.dropped += 1

    def _until_decision(self) -> None:
        """Lets time pass until the accelerator is free and a query waits."""
        while not self._over():
            if self.closed_loop and not self.queue:
                query = next(self.queries)
                query.arrival = self.now
                self._arrive(query)
            while self.events and self.events[0][0] <= self.now and not self._over():
                _, _, query = heapq.heappop(self.events)
                if query is not None:
                    self._arrive(query)
                    self._schedule_arrival()
            if self.scenario.admission == "drop_hopeless":
                self._drop_hopeless()
            if self.queue or self._over():
                return
            if not self.closed_loop:
                self.now = self.events[0][0]

    def _drop_hopeless(self) -> None:
        soonest = self.now + min(row[self.cached] for row in self.latency)
        kept: deque[Query] = deque()
        for query in self.queue:
            left = self.scenario.queries - self.served - self.dropped
            if soonest > query.arrival + self.slo[query.kind] and left > (self.served == 0):
                self.dropped += 1
            else:
                kept.append(query)
        self.queue = kept

    def step(self, subnet: int, subgraph: int) -> tuple[np.ndarray, float, bool, dict[str, Any]]:
        """Serves the head of the queue, then loads a SubGraph.

        Returns:
            Observation, float32, shape (D,); reward; whether the episode is over; and an info
            with the keys of `ServeEnv`'s.
        """
        query = self.queue.popleft()
        g, dropped = self.cached, self.dropped
        start = self.now
        finish = start + self.latency[subnet][g] * self._jitter(query.number)
        self.now = finish + self.reload[g][subgraph]
        heapq.heappush(self.events, (self.now, FREE, None))
        if subgraph != g:
            self.cached, self.last_change = subgraph, self.now
            self.reloads += 1
        self.served += 1
        self.shares = [
            share - share / 32 + (1 / 32 if i == subnet else 0)
            for i, share in enumerate(self.shares)
        ]
        info: dict[str, Any] = {
            "subnet": subnet,
            "subgraph": subgraph,
            "arrival_s": query.arrival,
            "start_s": start,
            "finish_s": finish,
            "free_s": self.now,
        }
        self._until_decision()

        slo = self.slo[query.kind]
        late = finish > query.arrival + slo
        below = self.top1[subnet] < self.floor[query.kind]
        bytes_moved = self.offchip[subnet][g] + self.reload_bytes[g][subgraph]
        values = (
            0.0 if late or below else 0.5 + 0.5 * self.accuracy[subnet],
            self.accuracy[subnet],
            min((finish - query.arrival) / slo, 1.0),
            float(late),
            float(below),
            float(self.dropped - dropped),
            bytes_moved / self.most_bytes if self.most_bytes else 0.0,
        )
        info |= zip(COMPONENT_KEYS, values, strict=True)
        reward = sum(w * value for w, value in zip(self.weights, values, strict=True))
        self.rewards.append(reward)
        self.records.append(
            {
                "utility": values[0],
                "goodput": 0.0 if late else self.top1[subnet],
                "met": 1.0 - late,
                "above": 1.0 - below,
                "top1": self.top1[subnet],
                "response": finish - query.arrival,
                "bytes": bytes_moved,
                "pair": (subnet, g, subgraph),  # type: ignore[dict-item]
            }
        )
        return self.observation(), reward, self._over(), info

    def _jitter(self, number: int) -> float:
        if self.scenario.service_jitter == 0:
            return 1.0
        sigma = float(self.problem.parameters["jitter_sigma"][0])
        return math.exp(sigma * normal(self.keys[JITTER], number << 8) - sigma * sigma / 2)

    def observation(self) -> np.ndarray:
        """What a policy sees; see `ObservationLayout`."""
        low, largest_slo = min(self.top1), max(self.slo)
        seen = list(self.seen[self.cached])
        for position in range(OBSERVED_QUERIES):
            if position < len(self.queue):
                query = self.queue[position]
                slo, floor = self.slo[query.kind], self.floor[query.kind]
                slack = (query.arrival + slo - self.now) / largest_slo
                wanted = (floor - low) / self.spread
                seen += [1.0, min(max(slack, -1.0), 1.0), slo / largest_slo]
                seen.append(min(max(wanted, 0.0), 1.0))
            else:
                seen += [0.0, 0.0, 0.0, 0.0]
        seen.append(len(self.queue) / self.scenario.queue_capacity)
        seen.append(self.fastest / (self.fastest + self.observed_gap))
        seen += self.shares
        age = self.now - self.last_change
        seen.append(age / (age + 32 * self.fastest))
        return np.array(seen, dtype=np.float32)

    def metrics(self) -> dict[str, float]:
        """The fields of `EpisodeMetrics`, with exact percentiles (inverted distribution)."""
        table, resolved = self.problem.table, max(self.served + self.dropped, 1)

        def mean(values: list[float]) -> float:
            return statistics.fmean(values) if values else 0.0

        def total(name: str) -> float:
            return math.fsum(record[name] for record in self.records)

        pairs: list[tuple[int, int, int]] = [r["pair"] for r in self.records]  # type: ignore[misc]
        responses = sorted(record["response"] for record in self.records)
        percentiles = {
            f"latency_p{p}_s": responses[math.ceil(p / 100 * len(responses)) - 1]
            for p in (50, 95, 99)
        }
        resident = math.fsum(table.resident_bytes[i, g] for i, g, _ in pairs)
        weight = math.fsum(table.weight_bytes[i] for i, _, _ in pairs)
        energy = [float(table.energy_j[i, g] + table.reload_j[g, j]) for i, g, j in pairs]
        return {
            "utility": total("utility") / resolved,
            "goodput_accuracy": total("goodput") / resolved,
            "slo_attainment": total("met") / resolved,
            "floor_attainment": total("above") / resolved,
            "served_accuracy": mean([record["top1"] for record in self.records]),
            "latency_mean_s": mean(responses),
            **percentiles,
            "drop_rate": self.dropped / resolved,
            "cache_hit_ratio": resident / weight,
            "reloads": float(self.reloads),
            "offchip_bytes": mean([record["bytes"] for record in self.records]),
            "energy_j": mean(energy),
            "reward": math.fsum(self.rewards),
        }
