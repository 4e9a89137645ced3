"""Planning ahead: a rolling-horizon search over the queries that wait."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sushi_agents.heuristics.cache_rules import favourite_subgraphs, shared_subgraph
from sushi_agents.policy import FLOAT32_HALF_STEP, Actions, Observations, Rule
from sushi_env import InputError, Problem
from sushi_env.engine.layout import FLOOR, PRESENT, SLACK, SLO
from sushi_env.numerics.compiling import compiled
from sushi_env.rewards import weights_of

PLANS = 8


_ACCOUNTED = "utility accuracy latency late below_floor dropped energy"


class _Terms(NamedTuple):
    """What a step is worth, in the kernel's words.

    Attributes:
        latency: L, seconds, shape (S, G).
        reload: T, seconds, shape (G, G).
        subgraphs: SubGraphs that plans may load, shape (J,).
        top1: In the units of observed floors, shape (S,).
        accuracy: Reward of the SubNet's accuracy, shape (S,).
        utility: Reward of its utility if in time and above the floor, shape (S,).
        serving: Reward of the energy of an inference, shape (S, G).
        reloading: Reward of the energy of a reload, shape (G, G).
        per_slo: Weight of latency over SLO.
        late: Reward of a missed deadline.
        below: Reward of a missed floor.
    """

    latency: NDArray[np.float64]
    reload: NDArray[np.float64]
    subgraphs: NDArray[np.int64]
    top1: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    utility: NDArray[np.float64]
    serving: NDArray[np.float64]
    reloading: NDArray[np.float64]
    per_slo: float
    late: float
    below: float


@compiled()
def _plan(cached, queues, largest_slo, prices, width, terms, actions):
    """Writes the first action of the best plan found for each row; see `Lookahead`."""
    S = terms.latency.shape[0]
    J = len(terms.subgraphs) + 1
    times, rewards = np.zeros((2, width)), np.zeros((2, width))
    graphs, firsts = np.zeros((2, width), np.int64), np.zeros((2, width), np.int64)
    room = width * S * J
    new_time, new_reward, new_worth = np.zeros(room), np.zeros(room), np.zeros(room)
    new_graph, new_first = np.zeros(room, np.int64), np.zeros(room, np.int64)
    for n in range(len(cached)):
        times[0, 0] = rewards[0, 0] = 0.0
        graphs[0, 0] = cached[n]
        count, now = 1, 0
        for m in range(queues.shape[1]):
            if queues[n, m, PRESENT] == 0.0:
                break
            slack = (queues[n, m, SLACK] + FLOAT32_HALF_STEP) * largest_slo
            slo = queues[n, m, SLO] * largest_slo
            floor = queues[n, m, FLOOR] - FLOAT32_HALF_STEP
            filled = 0
            for x in range(count):
                g = graphs[now, x]
                for i in range(S):
                    finish = times[now, x] + terms.latency[i, g]
                    reward = rewards[now, x] + terms.accuracy[i] + terms.serving[i, g]
                    late, below = finish > slack, terms.top1[i] < floor
                    reward += terms.late if late else 0.0
                    reward += terms.below if below else 0.0
                    reward += 0.0 if late or below else terms.utility[i]
                    reward += terms.per_slo * min((slo - slack + finish) / slo, 1.0)
                    for d in range(J):
                        j = g if d == 0 else terms.subgraphs[d - 1]
                        if d > 0 and j == g:
                            continue
                        new_time[filled] = finish + terms.reload[g, j]
                        new_reward[filled] = reward + terms.reloading[g, j]
                        loss = 0.5 * prices[n] * new_time[filled] ** 2
                        new_worth[filled] = new_reward[filled] - loss
                        new_graph[filled] = j
                        new_first[filled] = i * len(terms.reload) + j if m == 0 else firsts[now, x]
                        filled += 1
            # The `width` best plans, the first one on ties, best first.
            count = min(width, filled)
            now = 1 - now
            for x in range(count):
                y = np.argmax(new_worth[:filled])
                times[now, x], rewards[now, x] = new_time[y], new_reward[y]
                graphs[now, x], firsts[now, x] = new_graph[y], new_first[y]
                new_worth[y] = -np.inf
        actions[n, 0] = firsts[now, 0] // len(terms.reload)
        actions[n, 1] = firsts[now, 0] % len(terms.reload)


class Lookahead(Rule):
    """`lookahead`: serves the first query of the best plan for those that wait, then plans anew.

    Receding-horizon control. A plan gives every waiting query that is observed, up to 8, a SubNet
    and a SubGraph to load after it. Its worth is the scenario's own reward of these queries,
    less what the queries to come, which it does not know, would lose by waiting until its end: in
    time t some rate x t of them arrive, wait t / 2 on average, and a query that waits for as
    long as its SLO loses `price`. So the loss is price x rate x t^2 / 2 x mean(1 / SLO), the
    rate being the observed running average, the mean that over the scenario's classes. A beam
    search keeps the `width` most worthy plans per query. SubGraphs are those that some SubNet
    is fastest under, the shared one, and the cached one.

    Budget: with the defaults and 8 queries waiting, some 3,000 partial plans a decision, 10 to
    60 microseconds on one core; a batch of 1024 takes 10 to 60 ms.

    Args:
        problem: The compiled scenario.
        width: Plans kept.
        price: Reward that a query is taken to lose by waiting for as long as its SLO. 0 plans as
            if nobody else ever came.

    Raises:
        InputError: If `width` is below 1 or `price` negative.
    """

    def __init__(self, problem: Problem, width: int = PLANS, price: float = 1.0):
        super().__init__(problem)
        if width < 1:
            raise InputError(f"Lookahead: width = {width}, must be at least 1")
        if not price >= 0:
            raise InputError(f"Lookahead: price = {price}, must be at least 0")
        self.width, self.price = width, price
        table = self.table
        weight = weights_of(problem.reward_weights.tolist(), _ACCOUNTED, "Lookahead")
        accuracy = table.normalised(table.top1)
        per_byte = weight["energy"] * float(problem.parameters["offchip_scale"][0])
        graphs = np.append(favourite_subgraphs(table), shared_subgraph(table))
        self._terms = _Terms(
            latency=table.latency_s,
            reload=table.reload_s,
            subgraphs=np.unique(graphs),
            top1=accuracy,
            accuracy=weight["accuracy"] * accuracy,
            utility=weight["utility"] * (0.5 + 0.5 * accuracy),
            serving=per_byte * table.offchip_bytes,
            reloading=per_byte * table.reload_bytes,
            per_slo=weight["latency"],
            late=weight["late"],
            below=weight["below_floor"],
        )

    def act(
        self, observations: Observations, state: Any, starts: NDArray[np.bool_]
    ) -> tuple[Actions, Any]:
        """See the class."""
        queues = self.layout.queue_rows(observations).astype(np.float64)
        fastest = float(self.problem.parameters["fastest"][0])
        per_second = float((1 / self.problem.classes[:, 0]).mean())
        prices = self.price * per_second * self.offered_load(observations) / fastest
        actions = np.zeros((len(observations), 2), dtype=np.int64)
        cached, largest = self.cached(observations), self._largest_slo_s
        _plan(cached, queues, largest, prices, self.width, self._terms, actions)
        return actions, None
