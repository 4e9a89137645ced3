"""SubGraphs that are as good as one, as one: what the completion bound need not tell apart."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sushi_agents.clairvoyant.instance import Instance


def merge_subgraphs(instance: Instance) -> tuple[NDArray[np.int64], Instance]:
    """Merges the SubGraphs of an instance where that costs a bound next to nothing.

    Where some SubGraph serves every SubNet as fast and for as little energy as any other does, it
    is loaded once and kept, and all that others can offer is a load that is sooner done. All
    but the empty SubGraph then become one, which has the best of each: a relaxation, whose
    optimum is higher by the difference of two loads at most; and admission may take the others'
    word for what is hopeless. Where there is no such SubGraph, every one stays by itself.

    Args:
        instance: The episode.

    Returns:
        The group of each SubGraph, shape (G,), and the instance of groups.
    """
    G = instance.latency.shape[1]
    alone = np.arange(G)
    loaded = slice(1, G)
    if G <= 2:
        return alone, instance
    best = instance.latency[:, loaded].min(axis=1, keepdims=True)
    most = instance.serving[:, loaded].max(axis=1, keepdims=True)
    good = (instance.latency <= best) & (instance.serving >= most)
    if not good[:, loaded].all(axis=0).any():
        return alone, instance
    return np.minimum(alone, 1), instance._replace(
        latency=np.hstack([instance.latency[:, :1], best]),
        serving=np.hstack([instance.serving[:, :1], most]),
        reload=_merged(instance.reload, np.min),
        reloading=_merged(instance.reloading, np.max),
    )


def _merged(
    between: NDArray[np.float64], best: Callable[[NDArray[np.float64]], float]
) -> NDArray[np.float64]:
    """From (G, G) to (2, 2): the best between any members; staying is free, as it was."""
    return np.array(
        [
            [between[0, 0], best(between[0, 1:])],
            [best(between[1:, 0]), best(between[1:, 1:])],
        ]
    )
