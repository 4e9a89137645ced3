"""Columns, fields and codes of the kernel's arrays; see `Problem` and `Arrays`."""

import numpy as np

from sushi_env.engine.layout import PARTS
from sushi_env.rewards import COMPONENTS

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

WEIGHTS = np.dtype([(name, "f8") for name in COMPONENTS])
"""Weight of each reward component."""

OFFSETS = np.dtype([(part.name, "i8") for part in PARTS])
"""Where each part of the observation begins."""

QUERY = np.dtype([("time", "f8"), ("tag", "i8")])
"""Arrival time of a query; and its number times `CLASSES` plus its SLO class."""

CLASS_BITS = 6
CLASSES = 1 << CLASS_BITS
CLASS_MASK = CLASSES - 1

GENERATOR = np.dtype(
    [
        ("key_gap", "u8"),
        ("key_class", "u8"),
        ("key_regime", "u8"),
        ("key_modulation", "u8"),
        ("key_jitter", "u8"),
        ("generated", "i8"),
        ("switches", "i8"),
        ("regime", "i8"),
        ("regime_left", "i8"),
        ("regime_changes", "i8"),
        ("segment", "i8"),
        ("time", "f8"),
        ("left", "f8"),
    ]
)

FIGURES = (*COMPONENTS, "arrival_s", "start_s", "finish_s", "free_s")
"""The outcome's first fields, which infos tell: what the query earned, and times in seconds."""

OUTCOME = np.dtype(
    [
        *[(name, "f8") for name in FIGURES],
        ("reward", "f8"),
        ("number", "i8"),
        ("slo_class", "i4"),
        ("subnet", "i4"),
        ("cached", "i4"),
        ("loaded", "i4"),
    ]
)
"""What a step did: the query served and its class, the SubNet, the SubGraph before and after, when
it came, began and ended and when the accelerator was free again, and what it earned."""

TOTALS = (
    "utility",
    "goodput_top1",
    "slo_met",
    "floor_met",
    "top1",
    "response_s",
    "offchip_bytes",
    "energy_j",
    "resident_bytes",
    "weight_bytes",
    "reward",
)

STATE = np.dtype(
    [
        ("now", "f8"),
        ("next_arrival", "f8"),
        ("last_arrival", "f8"),
        ("mean_gap", "f8"),
        ("last_change", "f8"),
        ("arrivals", "i8"),
        ("served", "i8"),
        ("dropped", "i8"),
        ("position", "i4"),
        ("head", "i4"),
        ("waiting", "i4"),
        ("reloads", "i4"),
        ("cached", "i4"),
        ("latency_bin", "i4"),
        ("least_response_s", "f8"),
        ("most_response_s", "f8"),
        *[(f"total_{name}", "f8") for name in TOTALS],
    ]
)

HISTOGRAM_OCTAVES = 16
BINS_PER_OCTAVE = 32
HISTOGRAM_BINS = HISTOGRAM_OCTAVES * BINS_PER_OCTAVE

BLOCK = 8
"""Queries that an arrival stream generates at once."""
