"""The plans that learned schedulers see are the best of all such plans."""

from itertools import product

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sushi_agents.export.onnx_queue_plans import best_plans  # noqa: E402
from sushi_agents.network.planning import ROUNDING  # noqa: E402

WAITING = 5


def by_trying_all(latency, levels, waiting, subnet):
    """Most served well, the earliest end of that many, and what it may earn."""
    found = {}
    for wanted in product((False, True), repeat=len(waiting)):
        now, well, earned = latency[subnet], 0, 0.0
        for (present, slack, _, floor), want in zip(waiting, wanted, strict=True):
            if not present:
                continue
            able = [i for i in range(len(levels)) if levels[i] >= floor - ROUNDING]
            if want:
                cheapest = min(able, key=lambda i: latency[i])
                now += latency[cheapest]
                well += 1
                earned += 0.5 + 0.5 * levels[cheapest]
                if now > slack + ROUNDING:
                    break
            else:
                now += latency.min()
        else:
            found.setdefault(well, []).append((now, earned))
    most = max(found)
    end = min(now for now, _ in found[most])
    return most, end, [earned for now, earned in found[most] if abs(now - end) < 1e-12]


@pytest.mark.parametrize("seed", range(40))
def test_plans_are_the_best(seed):
    rng = np.random.default_rng(seed)
    levels = np.sort(rng.uniform(0, 1, 4))
    levels[0], levels[-1] = 0, 1
    latency = np.sort(rng.uniform(0.05, 0.3, 4)) * np.array([1, rng.uniform(0.8, 1.2), 1, 1])
    present = np.arange(WAITING) < rng.integers(0, WAITING + 1)
    slack = np.sort(rng.uniform(-0.2, 1.0, WAITING))
    floor = rng.choice([0, 0.3, 0.9, 1.0], WAITING)
    waiting = np.stack([present, slack, np.ones(WAITING), floor], axis=1) * present[:, None]
    plans = best_plans(*(torch.as_tensor(a) for a in (latency[None], levels, waiting[None])))
    for subnet in range(4):
        most, end, earned = by_trying_all(latency, levels, waiting, subnet)
        assert plans.well[0, subnet] == most
        assert plans.end[0, subnet] == pytest.approx(end, abs=1e-12)
        assert min(abs(float(plans.earned[0, subnet]) - e) for e in earned) < 1e-9


def test_rows_do_not_depend_on_each_other():
    rng = np.random.default_rng(0)
    latency, waiting = torch.as_tensor(rng.uniform(0.1, 1, (6, 3))), rng.uniform(0, 1, (6, 7, 4))
    waiting[..., 0] = waiting[..., 0] > 0.3
    levels = torch.tensor([0.0, 0.4, 1.0], dtype=torch.float64)
    whole = best_plans(latency, levels, torch.as_tensor(waiting))
    for n in range(6):
        alone = best_plans(latency[n : n + 1], levels, torch.as_tensor(waiting[n : n + 1]))
        for a, b in zip(whole, alone, strict=True):
            assert torch.equal(a[n : n + 1], b)
