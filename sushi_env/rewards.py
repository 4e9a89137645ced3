"""Reward presets: weights on the components that each step reports.

The components of a step, all computed by the engine:

| component | value |
|---|---|
| `utility` | utility of the served query: 0 if late or below its floor, else 0.5 + 0.5 a |
| `accuracy` | a = (top1 - lowest) / (highest - lowest) of the SubNet that served |
| `latency` | min(response time / SLO, 1); beyond the SLO the miss is charged instead |
| `late` | 1 if the response time exceeded the SLO |
| `below_floor` | 1 if top-1 was below the query's floor |
| `dropped` | queries dropped in this step |
| `energy` | off-chip energy of the step, reload included, over that of the costliest SubNet |

The reward is their sum weighted by the preset. Under `tradeoff`, being dropped is worse than
any service, late or not. Under `utility` an episode's return is the sum of its utilities.
"""

REWARD_PRESETS: dict[str, dict[str, float]] = {
    "tradeoff": {
        "utility": 0.0,
        "accuracy": 1.0,
        "latency": -0.5,
        "late": -1.0,
        "below_floor": -1.0,
        "dropped": -3.0,
        "energy": 0.0,
    },
    "utility": {
        "utility": 1.0,
        "accuracy": 0.0,
        "latency": 0.0,
        "late": 0.0,
        "below_floor": 0.0,
        "dropped": 0.0,
        "energy": 0.0,
    },
    "energy": {
        "utility": 1.0,
        "accuracy": 0.0,
        "latency": 0.0,
        "late": 0.0,
        "below_floor": 0.0,
        "dropped": 0.0,
        "energy": -0.25,
    },
}

COMPONENTS = tuple(REWARD_PRESETS["tradeoff"])
