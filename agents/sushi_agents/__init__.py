"""Policies for sushi-env: the interface, baselines, evaluation and training."""

from typing import TYPE_CHECKING

from sushi_accel.lazy_names import lazy_names
from sushi_accel.moved import keep_paths

if TYPE_CHECKING:  # loaded when they are asked for
    from sushi_agents.evaluation import run_episodes
    from sushi_agents.policy import Policy, PolicyError, Rule
    from sushi_agents.registry import baseline_names, make_policy, policy_names
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "evaluation": "run_episodes",
            "policy": "Policy PolicyError Rule",
            "registry": "baseline_names make_policy policy_names",
        },
    )

__all__ = [
    "Policy",
    "PolicyError",
    "Rule",
    "baseline_names",
    "make_policy",
    "policy_names",
    "run_episodes",
]

keep_paths(
    __name__,
    {
        **{
            name: f"heuristics.{name}"
            for name in (
                "lookahead",
                "model_switching",
                "slackfit",
                "subnet_policies",
                "sushisched",
                "time_sharing",
            )
        },
        "learned": "network.learned",
        "onnx_export": "export.onnx_export",
        "recording": "export.recording",
        "training": "learning.training",
    },
)
