"""The serving engine in plain Python: an ordinary simulator, one environment, a heap of events.

It is what the compiled engine must agree with, and what its speed is compared with. It shares
the scenario's table and figures with the engine, and nothing else: it draws its own queries
from the definition of the streams, and keeps its own clock, queue, and records.
"""

import heapq
import math
import statistics
from collections import deque
from typing import Any

import numpy as np

from sushi_bench.speed.python_arrivals import PythonArrivals, Query
from sushi_env import Problem
from sushi_env.engine.layout import OBSERVED_QUERIES
from sushi_env.rewards import COMPONENTS

ARRIVAL, FREE = range(2)
"""Events; at the same time, arrivals come first."""


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
        self.weights = dict(zip(COMPONENTS, problem.reward_weights.tolist(), strict=True))
        self.mean_gap = float(problem.parameters["mean_gap"][0])
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
        self.arrivals = PythonArrivals(self.problem, seed, episode)
        self.queries = self.arrivals.queries()
        self.now = self.last_arrival = self.last_change = 0.0
        self.observed_gap = self.mean_gap
        self.cached = self.served = self.dropped = self.reloads = 0
        self.queue: deque[Query] = deque()
        self.shares = [0.0] * len(self.latency)
        self.records: list[dict[str, float]] = []
        self.rewards: list[float] = []
        self.events: list[tuple[float, int, Query | None]] = []
        if not self.closed_loop:
            self._schedule_arrival()
        self._until_decision()
        return self.observation()

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
        finish = start + self.latency[subnet][g] * self.arrivals.jitter(query.number)
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
        values = {
            "utility": 0.0 if late or below else 0.5 + 0.5 * self.accuracy[subnet],
            "accuracy": self.accuracy[subnet],
            "latency": min((finish - query.arrival) / slo, 1.0),
            "late": float(late),
            "below_floor": float(below),
            "dropped": float(self.dropped - dropped),
            "energy": bytes_moved / self.most_bytes if self.most_bytes else 0.0,
        }
        info |= {f"component_{name}": value for name, value in values.items()}
        reward = sum(self.weights[name] * value for name, value in values.items())
        self.rewards.append(reward)
        self.records.append(
            {
                "utility": values["utility"],
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
