"""What `info` holds: one flat list of keys, the same after `reset` and after every step.

| key | type | value |
|---|---|---|
| `component_*` | float64 | the step's reward components, unweighted; see `sushi_env.rewards` |
| `arrival_s`, `start_s`, `finish_s` | float64 | when the query served arrived, began, ended |
| `free_s` | float64 | when the accelerator was free again, the reload done |
| `subnet`, `subgraph` | int64 | the action |
| `metric_*` | float64 | the episode's `EpisodeMetrics`, at its last step; 0 until then |

After `reset` no query has been served: all are 0, and `subnet` and `subgraph` -1.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sushi_env.engine.metrics import EpisodeMetrics
from sushi_env.rewards import COMPONENTS

COMPONENT_KEYS = tuple(f"component_{name}" for name in COMPONENTS)
OUTCOME_KEYS = (*COMPONENT_KEYS, "arrival_s", "start_s", "finish_s", "free_s")
"""Keys of the first columns of the engine's `outcome`, in their order."""

CHOICE_KEYS = ("subnet", "subgraph")
METRIC_KEYS = tuple(f"metric_{field.name}" for field in fields(EpisodeMetrics))
INFO_KEYS = (*OUTCOME_KEYS, *CHOICE_KEYS, *METRIC_KEYS)

# NumPy's scalars, not Python's: TorchRL asks each value for its dtype.
_NO_OUTCOME = dict.fromkeys(OUTCOME_KEYS, np.float64(0))
_NO_CHOICE = dict.fromkeys(CHOICE_KEYS, np.int64(-1))
_NO_METRICS = dict.fromkeys(METRIC_KEYS, np.float64(0))


def reset_info() -> dict[str, Any]:
    """The info of a single environment after `reset`."""
    return _NO_OUTCOME | _NO_CHOICE | _NO_METRICS


def metric_info(metrics: EpisodeMetrics) -> dict[str, np.float64]:
    """Metrics under their keys in `info`."""
    return {f"metric_{name}": np.float64(value) for name, value in asdict(metrics).items()}


def step_info(
    outcome: NDArray[np.float64], subnet: int, subgraph: int, metrics: EpisodeMetrics | None
) -> dict[str, Any]:
    """The info of a single environment after a step.

    Args:
        outcome: The engine's outcome, float64, shape (OUTCOMES,).
        subnet: SubNet that served.
        subgraph: SubGraph cached next.
        metrics: The episode's metrics, if it is over.
    """
    info: dict[str, Any] = dict(zip(OUTCOME_KEYS, outcome, strict=False))
    info["subnet"], info["subgraph"] = np.int64(subnet), np.int64(subgraph)
    info.update(_NO_METRICS if metrics is None else metric_info(metrics))
    return info


def batch_infos(
    outcome: NDArray[np.float64],
    actions: NDArray[np.int64],
    metrics: Mapping[int, EpisodeMetrics],
    present: NDArray[np.bool_],
) -> dict[str, Any]:
    """Infos of n environments as Gymnasium batches them, each with its mask `_key`.

    Args:
        outcome: The engine's outcome, shape (n, OUTCOMES); zeros where nothing was served.
        actions: SubNets and SubGraphs, shape (n, 2); -1 where nothing was served.
        metrics: Metrics of the environments whose episode is over.
        present: The mask of every key, shape (n,).
    """
    table = np.zeros((len(METRIC_KEYS), len(outcome)))
    for k, found in metrics.items():
        table[:, k] = list(metric_info(found).values())
    columns = (*outcome.T[: len(OUTCOME_KEYS)].copy(), *actions.T.copy(), *table)
    infos: dict[str, Any] = {}
    for key, column in zip(INFO_KEYS, columns, strict=True):
        infos[key], infos[f"_{key}"] = column, present
    return infos


def metrics_in(info: Mapping[str, Any]) -> EpisodeMetrics:
    """The metrics in the info of an episode's last step, of any interface."""
    return EpisodeMetrics(*(float(info[key]) for key in METRIC_KEYS))
