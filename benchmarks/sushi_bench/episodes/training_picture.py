"""The picture that a training leaves in TensorBoard."""

from typing import Any

from sushi_agents.policy import Policy
from sushi_env import Problem

PICTURED_QUERIES = 60
PICTURED_SEED = 1_500_000_000


def training_picture() -> Any:
    """What draws an episode on a seed that nothing is trained on; None without Matplotlib."""
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError:
        return None
    from sushi_bench.episodes.episode_recording import chosen_span, record_episode
    from sushi_bench.episodes.pictures_episode import episode_timeline

    def draw(problem: Problem, policy: Policy) -> Any:
        queries = min(PICTURED_QUERIES, problem.scenario.queries)
        span = chosen_span(problem, PICTURED_SEED, 0, queries)
        record = record_episode(problem, policy, PICTURED_SEED, span, "policy")
        return episode_timeline(problem, {"policy": record}, PICTURED_SEED, span)

    return draw
