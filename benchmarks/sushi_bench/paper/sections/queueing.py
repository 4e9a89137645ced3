"""Section 7, one step past the paper: queries that wait, a learned scheduler, and the bound.

The registered scenarios' customers, first one by one (the paper's closed loop), then queueing.
Reward is utility, which is what the clairvoyant bound bounds: no scheduler, even one that knows
every arrival, earns more.
"""

from dataclasses import dataclass, field

import numpy as np

from sushi_agents import make_policy, run_episodes
from sushi_agents.clairvoyant import clairvoyant_bounds
from sushi_bench.paper.rows import Row, alone
from sushi_bench.paper.sections import Track
from sushi_env import (
    EpisodeMetrics,
    InputError,
    Scenario,
    compile_scenario,
    get_scenario,
    mean_metrics,
)

POLICIES = ("no-sushi", "state-unaware", "sushisched-accuracy", "sushisched-latency", "lookahead")
SCENARIOS = ("resnet50-steady", "resnet50-busy", "resnet50-starved")
QUERIES, EPISODES = 500, 4
BOUND = "clairvoyant"


@dataclass(frozen=True)
class Queued:
    """One scenario.

    Attributes:
        scenario: The scenario.
        policies: Metrics by policy, mean over episodes.
        bound: Mean utility that no scheduler exceeds.
        attained: Mean utility of the best schedule found.
    """

    scenario: Scenario
    policies: dict[str, EpisodeMetrics]
    bound: float
    attained: float

    def share(self, policy: str) -> float:
        """Utility of a policy, percent of the bound."""
        return 100 * self.policies[policy].utility / self.bound


@dataclass
class Queueing:
    """All scenarios.

    Attributes:
        scenarios: The scenarios, served.
        agent: Name of the learned scheduler among the policies; None if there is none.
        notes: What was left out, and why.
    """

    scenarios: list[Queued]
    agent: str | None
    notes: list[str] = field(default_factory=list)


def scenarios() -> list[Scenario]:
    """The scenarios: each named one, and the first without queueing."""
    named = [get_scenario(name).replace(reward="utility", queries=QUERIES) for name in SCENARIOS]
    first = named[0].model_dump()
    alone = get_scenario(
        first | {"name": "resnet50-closed-loop", "load": None, "arrivals": {"kind": "closed_loop"}}
    )
    return [alone, *named]


def search(agent: str, trust: bool, required: bool, track: Track) -> Queueing:
    """Runs every policy and the bound on the same episodes.

    Args:
        agent: The learned scheduler, by name or path.
        trust: Whether a model file may execute code while it loads.
        required: Whether a missing agent is an error rather than a note.
        track: Iterates over a sequence and reports progress under a description.

    Raises:
        InputError: If the agent is required and cannot be had.
    """
    found, missing = [], {}
    for scenario in track(scenarios(), "queueing and bounding"):
        problem = compile_scenario(scenario)
        policies = {}
        for name in dict.fromkeys((*POLICIES, agent)):
            try:
                policy = make_policy(name, problem, trust)
                policies[name] = mean_metrics(run_episodes(problem, policy, EPISODES, 0, name))
            except InputError as error:
                if required or name != agent:
                    raise
                missing.setdefault(str(error).split(";")[0], []).append(scenario.name)
        bounds = clairvoyant_bounds(problem, range(EPISODES))
        found.append(
            Queued(
                scenario=scenario,
                policies=policies,
                bound=float(np.mean([b.upper for b in bounds])) / QUERIES,
                attained=float(np.mean([b.reward for b in bounds])) / QUERIES,
            )
        )
    notes = [
        f"learned scheduler left out on {', '.join(where)}: {reason}"
        for reason, where in missing.items()
    ]
    learned = agent not in POLICIES and any(agent in queued.policies for queued in found)
    return Queueing(found, agent if learned else None, notes)


METRICS = (
    "slo_attainment",
    "floor_attainment",
    "served_accuracy",
    "latency_mean_s",
    "latency_p99_s",
    "cache_hit_ratio",
)
"""Metrics that a row carries beside utility."""


def rows(found: Queueing) -> list[Row]:
    """Utility of every policy and of the bound, in every scenario."""
    rows = []
    for queued in found.scenarios:
        scenario = queued.scenario
        settings = {
            "scenario": scenario.name,
            "scenario_digest": scenario.digest,
            "arrivals": scenario.arrivals.kind,
            "load": scenario.load,
            "episodes": EPISODES,
            "queries": QUERIES,
        }
        for name, metrics in queued.policies.items():
            share = queued.share(name)
            served = {"policy": name, "percent_of_bound": share}
            served |= {metric: getattr(metrics, metric) for metric in METRICS}
            rows.append(
                alone(
                    f"queueing_{scenario.name}_{'learned' if name == found.agent else name}",
                    f"utility of {name}, {scenario.name}",
                    metrics.utility,
                    "utility",
                    settings | served,
                    f"{share:.1f} % of the clairvoyant bound",
                )
            )
        rows.append(
            alone(
                f"queueing_{scenario.name}_{BOUND}",
                f"utility that no scheduler exceeds, {scenario.name}",
                queued.bound,
                "utility",
                settings | {"attained": queued.attained},
                "an upper bound; a schedule that attains `attained` is known",
            )
        )
    return rows
