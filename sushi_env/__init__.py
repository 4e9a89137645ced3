"""A Gymnasium environment for scheduling inference on weight-shared networks.

Importing the package registers `sushi/Serve-v1`, and `sushi/MoServe-v1` with vector rewards.
"""

from typing import TYPE_CHECKING

import gymnasium

from sushi_accel import InputError, __version__
from sushi_accel.defaults import DEFAULT_SCENARIO
from sushi_accel.lazy_names import lazy_names
from sushi_accel.moved import keep_paths

if TYPE_CHECKING:  # loaded when they are asked for
    from sushi_env.engine.engine import Engine
    from sushi_env.engine.layout import ObservationLayout
    from sushi_env.engine.metrics import EpisodeMetrics, mean_metrics
    from sushi_env.engine.problem import Problem, compile_scenario
    from sushi_env.scenario.named import get_scenario, scenario_names
    from sushi_env.scenario.scenario import Scenario, SloClass, load_scenario
    from sushi_env.serve_env import ServeEnv
    from sushi_env.serve_vector_env import ServeVectorEnv
    from sushi_env.wrappers import DictObservation, DiscreteActions, VectorReward
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "engine.engine": "Engine",
            "engine.layout": "ObservationLayout",
            "engine.metrics": "EpisodeMetrics mean_metrics",
            "engine.problem": "Problem compile_scenario",
            "scenario.named": "get_scenario scenario_names",
            "scenario.scenario": "Scenario SloClass load_scenario",
            "serve_env": "ServeEnv",
            "serve_vector_env": "ServeVectorEnv",
            "wrappers": "DictObservation DiscreteActions VectorReward",
        },
    )

__all__ = [
    "DEFAULT_SCENARIO",
    "DictObservation",
    "DiscreteActions",
    "Engine",
    "EpisodeMetrics",
    "InputError",
    "ObservationLayout",
    "Problem",
    "Scenario",
    "ServeEnv",
    "ServeVectorEnv",
    "SloClass",
    "VectorReward",
    "__version__",
    "compile_scenario",
    "get_scenario",
    "load_scenario",
    "mean_metrics",
    "scenario_names",
]

keep_paths(
    __name__,
    {
        "arrivals": "engine.arrivals",
        "traffic": "scenario.traffic",
    },
)

# The environment checks its actions and the order of its calls itself, and better.
gymnasium.register(
    id="sushi/Serve-v1",
    entry_point="sushi_env.serve_env:ServeEnv",
    vector_entry_point="sushi_env.serve_vector_env:ServeVectorEnv",
    disable_env_checker=True,
    order_enforce=False,
)
gymnasium.register(
    id="sushi/MoServe-v1",
    entry_point="sushi_env.mo_serve:MoServeEnv",
    vector_entry_point="sushi_env.mo_serve:MoServeVectorEnv",
    disable_env_checker=True,
    order_enforce=False,
)
