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
from dataclasses import asdict
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sushi_env.engine.metrics import METRICS, EpisodeMetrics
from sushi_env.engine.records import FIGURES
from sushi_env.rewards import COMPONENTS

COMPONENT_KEYS = tuple(f"component_{name}" for name in COMPONENTS)
OUTCOME_KEYS = (*COMPONENT_KEYS, *FIGURES[len(COMPONENTS) :])
"""Keys of the engine's `figures`, in their order."""

CHOICE_KEYS = ("subnet", "subgraph")
METRIC_KEYS = tuple(f"metric_{name}" for name in METRICS)
INFO_KEYS = (*OUTCOME_KEYS, *CHOICE_KEYS, *METRIC_KEYS)

# NumPy's scalars, not Python's: TorchRL asks each value for its dtype.
_NOTHING: dict[str, Any] = dict.fromkeys(INFO_KEYS, np.float64(0))
_NOTHING |= dict.fromkeys(CHOICE_KEYS, np.int64(-1))
_choice = cache(np.int64)  # NumPy takes longer to make one than to make all floats of a step


def reset_info() -> dict[str, Any]:
    """The info of a single environment after `reset`."""
    return _NOTHING.copy()


def metric_info(metrics: EpisodeMetrics) -> dict[str, np.float64]:
    """Metrics under their keys in `info`."""
    return {f"metric_{name}": np.float64(value) for name, value in asdict(metrics).items()}


def step_info(
    figures: NDArray[np.float64], subnet: int, subgraph: int, metrics: EpisodeMetrics | None
) -> dict[str, Any]:
    """The info of a single environment after a step.

    Args:
        figures: The engine's, float64, shape (len(FIGURES),).
        subnet: SubNet that served.
        subgraph: SubGraph cached next.
        metrics: The episode's metrics, if it is over.
    """
    info = _NOTHING.copy()
    info.update(zip(OUTCOME_KEYS, figures.flat, strict=True))
    info["subnet"], info["subgraph"] = _choice(subnet), _choice(subgraph)
    if metrics is not None:
        info.update(metric_info(metrics))
    return info


def batch_infos(
    figures: NDArray[np.float64],
    actions: NDArray[np.int64],
    metrics: Mapping[int, EpisodeMetrics],
    present: NDArray[np.bool_],
) -> dict[str, Any]:
    """Infos of n environments as Gymnasium batches them, each with its mask `_key`.

    Args:
        figures: The engine's, shape (n, len(FIGURES)); zeros where nothing was served.
        actions: SubNets and SubGraphs, shape (n, 2); -1 where nothing was served.
        metrics: Metrics of the environments whose episode is over.
        present: The mask of every key, shape (n,).
    """
    table = np.zeros((len(METRIC_KEYS), len(figures)))
    for k, found in metrics.items():
        table[:, k] = list(metric_info(found).values())
    columns = (*figures.T.copy(), *actions.T.copy(), *table)
    infos: dict[str, Any] = {}
    for key, column in zip(INFO_KEYS, columns, strict=True):
        infos[key], infos[f"_{key}"] = column, present
    return infos


def metrics_in(info: Mapping[str, Any]) -> EpisodeMetrics:
    """The metrics in the info of an episode's last step, of any interface."""
    return EpisodeMetrics(*(float(info[key]) for key in METRIC_KEYS))
