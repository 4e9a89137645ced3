"""What the network of learned schedulers knows before it has learned anything."""

import numpy as np
import pytest
import torch

from chosen import BURSTY, OTHER_SHIFT, OTHER_STEADY, OVERLOAD, SHIFT
from sushi_agents.evaluation import run_episodes
from sushi_agents.export.onnx_plans import PlanGraph
from sushi_agents.heuristics.lookahead import Lookahead
from sushi_agents.network.learned import LearnedScheduler
from sushi_agents.network.network import QueueNetwork, network_spec
from sushi_agents.network.planning import HORIZON, Planner
from sushi_agents.network.queue_policy import planner_of
from sushi_agents.network.table_context import context_of
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


PLANNER: Planner = planner_of(network_spec(PROBLEM))


def planned(seen: np.ndarray, name: str) -> np.ndarray:
    """A named part of what networks see."""
    return PLANNER(seen, np.float64)[:, PLANNER.layout.slices[name]]


def test_the_features_of_subgraphs_are_times_of_the_table():
    seen = observations()
    of_late, at_once = planned(seen, "of_late"), planned(seen, "at_once")
    cached = LAYOUT.part(seen, "cached").argmax(axis=1)
    mix = LAYOUT.part(seen, "subnet_mix").astype(np.float64)
    queue, unit = LAYOUT.queue(seen), TABLE.latency_s.max()
    normalised = PROBLEM.subnets[:, 1]
    for n, g in enumerate(cached):
        gain = (TABLE.latency_s[:, [g]] - TABLE.latency_s) / unit
        late = mix[n] + (1 - mix[n].sum()) / TABLE.num_subnets
        assert of_late[n] == pytest.approx(late @ gain, abs=1e-6)
        saved = -TABLE.reload_s[g] / unit
        for present, floor in zip(queue["present"][n, 1:], queue["floor"][n, 1:], strict=True):
            if present:
                able = np.flatnonzero(normalised >= floor - 1e-6)
                saved = saved + gain[able[TABLE.latency_s[able, g].argmin()]]
        assert at_once[n] == pytest.approx(saved, abs=1e-6)


def test_the_delay_is_that_of_lookahead():
    seen = observations()
    delay = planned(seen, "delay")
    load = Lookahead(PROBLEM).offered_load(seen)
    rate = load / TABLE.latency_s[:, 0].min()
    for n in np.flatnonzero(LAYOUT.queue(seen)["present"][:, 1] == 0):  # the head is alone
        latency = LAYOUT.part(seen, "latency")[n].astype(float) * TABLE.latency_s.max()
        expected = rate[n] * latency**2 / 2 * (1 / PROBLEM.classes[:, 0]).mean()
        assert delay[n] == pytest.approx(expected, rel=1e-5)


def test_in_the_first_state_the_first_load_is_worth_its_time():
    """Else an agent that does the likeliest thing never caches anything."""
    seen = observations(steps=0)
    assert (LAYOUT.part(seen, "subnet_mix") == 0).all()
    saved = HORIZON * planned(seen, "of_late") + planned(seen, "at_once")
    assert (saved.max(axis=1) > saved[:, 0] + 0.1).all()
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
    seen = torch.as_tensor(PLANNER(observations()))
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
    seen = observations()
    S, G = TABLE.num_subnets, TABLE.num_subgraphs
    # The empty one stays the first: arrivals are counted in latencies under it.
    order = np.r_[0, 1 + np.random.default_rng(0).permutation(G - 1)]
    renamed = seen.copy()
    for part in (LAYOUT.slices["cached"], LAYOUT.slices["reload"]):
        renamed[:, part] = seen[:, part][:, order]
    context = context_of(PROBLEM)
    other = np.concatenate([context[:4], context[4:].reshape(S, G)[:, order].ravel()])
    scores = []
    for observed, table in ((seen, context), (renamed, other)):
        rows = np.concatenate([observed, np.tile(table, (len(seen), 1))], axis=1)
        scores.append(network.forward_actor(torch.as_tensor(PLANNER(rows, np.float64))))
    before, after = scores
    assert torch.allclose(after[:, :S], before[:, :S])
    assert torch.allclose(after[:, S:], before[:, S:][:, order])


@pytest.mark.parametrize("name", [OVERLOAD, OTHER_SHIFT])
def test_a_graph_sees_what_the_planner_sees(name):
    """The ONNX graph's own version of the plan, in tensor operations, on a busy batch."""
    problem = compile_scenario(get_scenario(name))
    planner = planner_of(network_spec(problem))
    engine, rng = Engine(problem, 64), np.random.default_rng(1)
    engine.seed(np.arange(64, dtype=np.uint64))
    engine.reset()
    sizes = [problem.table.num_subnets, problem.table.num_subgraphs]
    for _ in range(60):
        engine.step(rng.integers(sizes, size=(64, 2)))
    graph = PlanGraph(planner, torch.float64)
    expected = graph(torch.as_tensor(engine.observation, dtype=torch.float64)).numpy()
    np.testing.assert_allclose(planner(engine.observation, np.float64), expected, atol=1e-9)
    assert expected[:, planner.layout.slices["worth"]].std() > 0.1


def test_a_row_does_not_depend_on_its_batch():
    seen = observations()
    whole = PLANNER(seen)
    for n in range(5):
        np.testing.assert_array_equal(PLANNER(seen[n : n + 1]), whole[n : n + 1])
