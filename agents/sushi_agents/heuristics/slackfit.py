"""SlackFit, the scheduler of SuperServe."""

import numpy as np
from numpy.typing import NDArray

from sushi_agents.heuristics.subnet_policies import SubNetRule
from sushi_agents.policy import Observations
from sushi_env import InputError, Problem


class SlackFit(SubNetRule):
    """`slackfit`: the latency bucket that fits the slack of the query at the head.

    SuperServe (NSDI 2025), SlackFit: the range from the least to the largest latency is cut into
    buckets of equal width; of the buckets that end within the remaining slack, the last one that
    holds any SubNet is taken, and in it what serves most. The paper's choices are pairs of
    SubNet and batch size; one query at a time leaves the SubNet, so in the bucket the most
    accurate one is taken. If no bucket fits, the fastest SubNet.

    So it leaves up to a bucket's width of the slack to the queries behind the head, where
    `max-accuracy` spends it all.

    Args:
        problem: The compiled scenario.
        buckets: Number of buckets; the paper leaves it open.

    Raises:
        InputError: If `buckets` is below 1.
    """

    def __init__(self, problem: Problem, buckets: int = 8):
        super().__init__(problem)
        if buckets < 1:
            raise InputError(f"SlackFit: buckets = {buckets}, must be at least 1")
        latency = self._latency_s  # (G, S)
        low, high = latency.min(axis=1, keepdims=True), latency.max(axis=1, keepdims=True)
        width = np.maximum((high - low) / buckets, 1e-300)
        bucket = np.ceil((latency - low) / width * (1 - 1e-12)).clip(1, buckets)
        self._ends_s = np.maximum(low + bucket * width, latency)

    def choose(self, observations: Observations) -> NDArray[np.int64]:
        """See the class."""
        ends = self._ends_s[self.cached(observations)]
        fits = ends <= self.head_slack_s(observations)[:, None]
        last = np.where(fits, ends, -np.inf).max(axis=1, keepdims=True)
        inside = fits & (ends >= last * (1 - 1e-12))
        chosen = np.where(inside, self.table.top1, -np.inf).argmax(axis=1)
        return np.where(fits.any(axis=1), chosen, self.latency_s(observations).argmin(axis=1))
