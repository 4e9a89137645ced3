"""The SuperNet's layers by their weights, and what SubNets and SubGraphs hold of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sushi_accel import InputError, SushiAbs, build_candidates, get_supernet
from sushi_env.engine.problem import Problem


@dataclass(frozen=True)
class LayerWeights:
    """Weights per layer, for S SubNets, G SubGraphs and N layers; bytes, or K x C.

    Attributes:
        largest: The most that any SubNet uses of each layer, shape (N,).
        subnets: What each SubNet uses, shape (S, N).
        subgraphs: What each SubGraph holds, shape (G, N).
    """

    largest: NDArray[np.float64]
    subnets: NDArray[np.float64]
    subgraphs: NDArray[np.float64]


def layer_weights(problem: Problem) -> LayerWeights:
    """Weights per layer of a problem's SuperNet.

    A table that comes from a file tells only its vectors [K, C]; layers of one kernel size are
    then still drawn in proportion. One layer stands for all if it has no vectors either.
    """
    table = problem.table
    parts = _from_supernet(problem)
    subnets, subgraphs = parts or (
        _from_vectors(table.subnet_vectors, table.weight_bytes),
        _from_vectors(table.subgraph_vectors, table.subgraph_bytes),
    )
    used = subnets.max(axis=0) > 0
    subnets, subgraphs = subnets[:, used], subgraphs[:, used]
    return LayerWeights(subnets.max(axis=0), subnets, subgraphs)


def _from_supernet(problem: Problem) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Bytes per layer from the SuperNet that the table was built of; None if it was not."""
    scenario, table = problem.scenario, problem.table
    try:
        supernet = get_supernet(scenario.supernet)
        graphs = build_candidates(supernet, problem.board, scenario.subgraphs)
    except InputError:
        return None
    subnets = supernet.slices.prod(axis=-1).astype(np.float64)
    subgraphs = np.array([graph.slices.prod(axis=-1) for graph in graphs], dtype=np.float64)
    return (subnets, subgraphs) if _agree(table, subnets, subgraphs) else None


def _agree(table: SushiAbs, subnets: NDArray[np.float64], subgraphs: NDArray[np.float64]) -> bool:
    same = (len(subnets), len(subgraphs)) == (table.num_subnets, table.num_subgraphs)
    return (
        same
        and np.array_equal(subnets.sum(axis=-1), table.weight_bytes)
        and np.array_equal(subgraphs.sum(axis=-1), table.subgraph_bytes)
    )


def _from_vectors(vectors: NDArray[np.float64], total: NDArray[np.float64]) -> NDArray[np.float64]:
    if vectors.shape[1] == 0:
        return total[:, None].copy()
    return vectors[:, 0::2] * vectors[:, 1::2]
