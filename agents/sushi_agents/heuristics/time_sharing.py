"""Time sharing: Proteus's linear programme over shares of SubNets, with one device."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sushi_agents.heuristics.cache_rules import cache_shared, shared_subgraph
from sushi_agents.policy import Actions, Observations, Rule
from sushi_env import InputError, Problem
from sushi_env.numerics.compiling import compiled

DEMAND_WEIGHT = 1 / 32


def efficient_choices(
    value: NDArray[np.float64], cost: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """What each class is served with as time grows dearer.

    The programme

        maximise    sum_c p_c sum_i x[c, i] value[c, i]
        subject to  sum_c p_c sum_i x[c, i] cost[i] <= budget,  sum_i x[c, i] = 1,  x >= 0

    has one constraint that couples the classes. For a price mu on it each class takes the i of
    highest value - mu cost, whatever p and the budget are; so the choices at the prices where
    one changes are found once. Some optimum mixes the choices on both sides of one price.

    Args:
        value: Shape (C, S).
        cost: Seconds, shape (S,).

    Returns:
        Choices, the dearest price last, shape (K + 1, C), and the K prices between them.
    """
    C, S = value.shape
    i, j = np.triu_indices(S, 1)
    apart = cost[i] != cost[j]
    prices = (value[:, i] - value[:, j])[:, apart] / (cost[i] - cost[j])[apart]
    prices = np.unique(prices[prices > 0])
    middles = np.concatenate([[0.0], (prices[:-1] + prices[1:]) / 2, prices[-1:] + 1.0])
    middles = middles[: len(prices) + 1]
    if len(prices):
        middles[0] = prices[0] / 2
    worth = value[None] - middles[:, None, None] * cost  # (K + 1, C, S)
    choices = np.empty((len(middles), C), dtype=np.int64)
    for k in range(len(middles)):
        for c in range(C):
            best = np.flatnonzero(worth[k, c] >= worth[k, c].max() - 1e-12)
            choices[k, c] = best[cost[best].argmin()]
    changes = np.flatnonzero((choices[1:] != choices[:-1]).any(axis=1))
    return choices[np.append(changes, len(choices) - 1)], prices[changes]


@compiled()
def _share_out(classes, starts, rates, choices, cost, budget, demand, credit, subnets):
    """Updates each row's demand, solves its programme, and picks its SubNet in turn."""
    C = demand.shape[1]
    for n in range(len(classes)):
        c = classes[n]
        if starts[n]:
            demand[n] = 1.0 / C
            credit[n] = 0.0
        for d in range(C):
            demand[n, d] -= demand[n, d] * DEMAND_WEIGHT
        demand[n, c] += DEMAND_WEIGHT
        limit = budget / max(rates[n], 1e-300)
        before = np.inf
        k = 0
        while True:
            needed = 0.0
            for d in range(C):
                needed += demand[n, d] * cost[choices[k, d]]
            if needed <= limit or k + 1 == len(choices):
                break
            before = needed
            k += 1
        slow_share = 0.0
        if k > 0 and needed < limit:
            slow_share = (limit - needed) / (before - needed)
        slow = choices[max(k - 1, 0), c]
        credit[n, c] += slow_share
        if slow_share > 0 and credit[n, c] >= 1.0 - 1e-9:
            credit[n, c] -= 1.0
            subnets[n] = slow
        else:
            credit[n, c] = min(credit[n, c], 1.0)
            subnets[n] = choices[k, c]


class TimeSharing(Rule):
    """`time-sharing`: shares of SubNets that earn most accuracy within the time there is.

    Proteus (ASPLOS 2024) places model variants on devices and splits queries over them by a
    mixed-integer programme that maximises accuracy subject to the demand. With one device and
    free switching it is the linear programme of `efficient_choices`, over the share x[c, i] of
    the queries of SLO class c that SubNet i serves. Value: the SubNet's accuracy in 0..1 plus
    1 if it reaches the class's floor and takes at most `slo_share` of its SLO; else 0. Cost: its
    latency under the shared SubGraph, which is cached throughout. Budget: `utilisation` over
    the observed arrival rate.

    It is solved anew at every decision, for the observed running average of the load and a
    running average of the classes met, in which the newest query weighs 1/32. Shares turn into
    decisions in turn: a class is served by its slower SubNet whenever the shares owed sum to 1.

    Args:
        problem: The compiled scenario.
        utilisation: Share of the device's time that may be planned.
        slo_share: Largest share of an SLO that service may take. Proteus plans with half of
            it, so that as much is left for waiting.

    Raises:
        InputError: If a parameter is not in (0, 1].
    """

    def __init__(self, problem: Problem, utilisation: float = 0.8, slo_share: float = 0.5):
        super().__init__(problem)
        for name, value in (("utilisation", utilisation), ("slo_share", slo_share)):
            if not 0 < value <= 1:
                raise InputError(f"TimeSharing: {name} = {value}, must be above 0, at most 1")
        self.utilisation = utilisation
        table = self.table
        accuracy = table.normalised(table.top1)
        self.cost = np.ascontiguousarray(table.latency_s[:, shared_subgraph(table)])
        slo, floor = problem.classes[:, :1], problem.classes[:, 1:2]
        able = (table.top1 >= floor) & (self.cost <= slo_share * slo)
        self.value = np.where(able, 1 + accuracy, 0.0)
        self.choices, self.prices = efficient_choices(self.value, self.cost)
        self._seen_classes = problem.classes[:, 2:4]

    def head_class(self, observations: Observations) -> NDArray[np.int64]:
        """The SLO class of the query at the head, by its observed SLO and floor, shape (n,)."""
        queue = self.layout.queue(observations)
        head = np.stack([queue["slo"][:, 0], queue["floor"][:, 0]], axis=-1).astype(np.float64)
        return np.abs(head[:, None] - self._seen_classes).sum(axis=-1).argmin(axis=1)

    def act(
        self, observations: Observations, state: Any, starts: NDArray[np.bool_]
    ) -> tuple[Actions, Any]:
        """See the class."""
        n, C = len(observations), len(self.problem.classes)
        demand, credit = (
            (np.zeros((n, C)), np.zeros((n, C)))
            if state is None
            else (part.copy() for part in state)
        )
        rates = self.offered_load(observations) / self.problem.parameters["fastest"][0]
        subnets = np.zeros(n, dtype=np.int64)
        _share_out(
            self.head_class(observations), starts, rates, self.choices, self.cost,
            self.utilisation, demand, credit, subnets,
        )  # fmt: skip
        subgraphs = cache_shared(self, observations, subnets)
        return np.stack([subnets, subgraphs], axis=-1), (demand, credit)
