"""A Gymnasium environment for scheduling inference on weight-shared networks.

Importing the package registers `sushi/Serve-v1`, and `sushi/MoServe-v1` with vector rewards.
"""

import gymnasium

from sushi_accel import InputError, __version__
from sushi_accel.moved import keep_paths
from sushi_env.engine.engine import Engine
from sushi_env.engine.layout import ObservationLayout
from sushi_env.engine.metrics import EpisodeMetrics, mean_metrics
from sushi_env.engine.problem import Problem, compile_scenario
from sushi_env.scenario.named import DEFAULT_SCENARIO, get_scenario, scenario_names
from sushi_env.scenario.scenario import Scenario, SloClass, load_scenario
from sushi_env.serve_env import ServeEnv
from sushi_env.serve_vector_env import ServeVectorEnv
from sushi_env.wrappers import DictObservation, DiscreteActions, VectorReward

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
