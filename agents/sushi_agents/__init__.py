"""Policies for sushi-env: the interface, baselines, evaluation and training."""

from sushi_agents.evaluation import run_episodes
from sushi_agents.policy import Policy, PolicyError, Rule
from sushi_agents.registry import baseline_names, make_policy, policy_names

__all__ = [
    "Policy",
    "PolicyError",
    "Rule",
    "baseline_names",
    "make_policy",
    "policy_names",
    "run_episodes",
]
