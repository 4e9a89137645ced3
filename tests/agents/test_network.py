"""What the network of learned schedulers knows before it has learned anything."""

import numpy as np
import pytest
import torch

from chosen import BURSTY, OTHER_STEADY, SHIFT
from sushi_agents.evaluation import run_episodes
from sushi_agents.heuristics.lookahead import Lookahead
from sushi_agents.network.learned import LearnedScheduler
from sushi_agents.network.network import QueueNetwork, network_spec
from sushi_agents.network.subgraph_features import HORIZON, subgraph_features
from sushi_agents.network.subnet_features import subnet_features
from sushi_agents.network.table_context import context_of, parse_context
from sushi_agents.registry import make_policy
from sushi_env import compile_scenario, get_scenario, mean_metrics
from sushi_env.engine.engine import Engine

PROBLEM = compile_scenario(get_scenario(SHIFT))
TABLE, LAYOUT = PROBLEM.table, PROBLEM.layout


def observations(steps: int = 25, n: int = 64) -> np.ndarray:
    engine, rng = Engine(PROBLEM, n), np.random.default_rng(0)
    engine.seed(np.arange(n, dtype=np.uint64))
    engine.reset()
    for _ in range(steps):
        engine.step(rng.integers([TABLE.num_subnets, TABLE.num_subgraphs], size=(n, 2)))
    return engine.observation.copy()


def parsed(seen: np.ndarray):
    levels = torch.as_tensor(PROBLEM.subnets[:, 1].copy())
    numbers = torch.as_tensor(context_of(PROBLEM)).double()[None]
    context = parse_context(numbers, TABLE.num_subnets, TABLE.num_subgraphs)
    return torch.as_tensor(seen).double(), LAYOUT, levels, context


def test_the_features_of_subgraphs_are_times_of_the_table():
    seen = observations()
    features = subgraph_features(*parsed(seen))
    cached = LAYOUT.part(seen, "cached").argmax(axis=1)
    mix = LAYOUT.part(seen, "subnet_mix").astype(np.float64)
    queue, unit = LAYOUT.queue(seen), TABLE.latency_s.max()
    normalised = PROBLEM.subnets[:, 1]
    for n, g in enumerate(cached):
        gain = (TABLE.latency_s[:, [g]] - TABLE.latency_s) / unit
        late = mix[n] + (1 - mix[n].sum()) / TABLE.num_subnets
        assert features.of_late[n].numpy() == pytest.approx(late @ gain, abs=1e-6)
        saved = -TABLE.reload_s[g] / unit
        for present, _, _, floor in queue[n, 1:]:
            if present:
                able = np.flatnonzero(normalised >= floor - 1e-6)
                saved = saved + gain[able[TABLE.latency_s[able, g].argmin()]]
        assert features.at_once[n].numpy() == pytest.approx(saved, abs=1e-6)


def test_the_delay_is_that_of_lookahead():
    seen = observations()
    features = subnet_features(*parsed(seen))
    load = Lookahead(PROBLEM).offered_load(seen)
    rate = load / TABLE.latency_s[:, 0].min()
    for n in np.flatnonzero(LAYOUT.queue(seen)[:, 1, 0] == 0):  # the head is alone
        latency = LAYOUT.part(seen, "latency")[n].astype(float) * TABLE.latency_s.max()
        expected = rate[n] * latency**2 / 2 * (1 / PROBLEM.classes[:, 0]).mean()
        assert features.delay[n].numpy() == pytest.approx(expected, rel=1e-5)


def test_in_the_first_state_the_first_load_is_worth_its_time():
    """Else an agent that does the likeliest thing never caches anything."""
    seen = observations(steps=0)
    assert (LAYOUT.part(seen, "subnet_mix") == 0).all()
    features = subgraph_features(*parsed(seen))
    saved = HORIZON * features.of_late + features.at_once
    assert (saved.max(dim=1).values > saved[:, 0] + 0.1).all()
    torch.manual_seed(0)
    agent = LearnedScheduler(QueueNetwork(**network_spec(PROBLEM)), PROBLEM)
    assert (agent.predict(seen)[0][:, 1] != 0).all()


@pytest.mark.parametrize("name", [BURSTY, OTHER_STEADY])
def test_an_untrained_network_plans(name):
    problem = compile_scenario(get_scenario(name))
    torch.manual_seed(0)
    agent = LearnedScheduler(QueueNetwork(**network_spec(problem)), problem)
    utility = {
        policy: mean_metrics(run_episodes(problem, made, 8, 5)).utility
        for policy, made in (
            ("untrained", agent),
            ("lookahead", make_policy("lookahead", problem)),
            ("slackfit", make_policy("slackfit", problem)),
        )
    }
    assert utility["slackfit"] + 0.02 < utility["untrained"]
    assert utility["untrained"] == pytest.approx(utility["lookahead"], abs=0.02)


def test_how_sharp_the_plan_is_can_be_chosen():
    seen = torch.as_tensor(observations())
    logits = []
    for sharpness in (1.0, 3.0):
        torch.manual_seed(0)
        network = QueueNetwork(**network_spec(PROBLEM, sharpness=sharpness))
        last = network.score[-1]
        assert isinstance(last, torch.nn.Linear)
        torch.nn.init.zeros_(last.weight)  # the plan alone
        with torch.no_grad():
            logits.append(network.forward_actor(seen)[:, : LAYOUT.num_subnets])
    assert torch.allclose(3 * logits[0], logits[1], atol=1e-5)
    assert logits[0].std() > 0.1


def test_subgraphs_are_scored_alike():
    """Renaming the SubGraphs of a table renames the scores, and changes nothing else."""
    torch.manual_seed(1)
    network = QueueNetwork(**network_spec(PROBLEM)).double()
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.3) if weight.ndim else None
    assert network.cache is not None
    with torch.no_grad():
        for part in (LAYOUT.slices["cached"], LAYOUT.slices["reload"]):
            for layer in (network.of_state, network.cache.of_state):
                layer.weight[:, part] = 0.0  # the raw observation names SubGraphs by number
    seen, _, _, context = parsed(observations())
    S, G = TABLE.num_subnets, TABLE.num_subgraphs
    # The empty one stays the first: arrivals are counted in latencies under it.
    order = torch.as_tensor(np.r_[0, 1 + np.random.default_rng(0).permutation(G - 1)])
    renamed = seen.clone()
    for part in (LAYOUT.slices["cached"], LAYOUT.slices["reload"]):
        renamed[:, part] = seen[:, part][:, order]
    columns = torch.cat([context.scales, context.latency.flatten(1)], dim=1).expand(len(seen), -1)
    table = context.latency[:, :, order].flatten(1)
    other = torch.cat([context.scales, table], dim=1).expand(len(seen), -1)
    before = network.forward_actor(torch.cat([seen, columns], dim=1))
    after = network.forward_actor(torch.cat([renamed, other], dim=1))
    assert torch.allclose(after[:, :S], before[:, :S])
    assert torch.allclose(after[:, S:], before[:, S:][:, order])
