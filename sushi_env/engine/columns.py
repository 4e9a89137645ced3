"""Columns, fields and codes of the scenario's arrays, in the kernel's words; see `Problem`."""

import numpy as np

PAIR_LATENCY, PAIR_OFFCHIP, PAIR_RESIDENT, PAIR_ENERGY = range(4)
RELOAD_TIME, RELOAD_BYTES, RELOAD_ENERGY = range(3)
SUBNET_TOP1, SUBNET_ACCURACY, SUBNET_WEIGHTS = range(3)
CLASS_SLO, CLASS_FLOOR, CLASS_SLO_SEEN, CLASS_FLOOR_SEEN = range(4)

POISSON, GAMMA, MMPP, CYCLE, TRACE, CLOSED_LOOP = range(6)
ARRIVAL_KINDS = {
    "poisson": POISSON,
    "gamma": GAMMA,
    "mmpp": MMPP,
    "diurnal": CYCLE,
    "flash_crowd": CYCLE,
    "trace": TRACE,
    "closed_loop": CLOSED_LOOP,
}

PARAMETERS = np.dtype(
    [
        ("mean_gap", "f8"),
        ("log_regime_stay", "f8"),
        ("gap_scv", "f8"),
        ("jitter_sigma", "f8"),
        ("fastest", "f8"),
        ("largest_slo", "f8"),
        ("per_slo", "f8"),
        ("offchip_scale", "f8"),
        ("latency_unit", "f8"),
        ("arrivals", "i8"),
        ("capacity", "i8"),
        ("queries", "i8"),
        ("drop_hopeless", "i8"),
    ]
)
