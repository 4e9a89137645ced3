"""A scenario compiled to the arrays that the kernel reads."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sushi_accel import Board, SushiAbs, build_table, get_board, get_supernet
from sushi_env.layout import ObservationLayout
from sushi_env.rewards import COMPONENTS, REWARD_PRESETS
from sushi_env.scenario import Scenario

# Columns of the arrays below, in the kernel's words.
PAIR_LATENCY, PAIR_OFFCHIP, PAIR_RESIDENT, PAIR_ENERGY = range(4)
RELOAD_TIME, RELOAD_BYTES, RELOAD_ENERGY = range(3)
SUBNET_TOP1, SUBNET_ACCURACY, SUBNET_WEIGHTS = range(3)
CLASS_SLO, CLASS_FLOOR, CLASS_SLO_SEEN, CLASS_FLOOR_SEEN = range(4)

PARAMETERS = np.dtype(
    [
        ("mean_gap", "f8"),
        ("regime_switch", "f8"),
        ("fastest", "f8"),
        ("largest_slo", "f8"),
        ("offchip_scale", "f8"),
        ("latency_unit", "f8"),
        ("capacity", "i8"),
        ("queries", "i8"),
        ("drop_hopeless", "i8"),
    ]
)


@dataclass(frozen=True)
class Problem:
    """What the kernel needs to know of a scenario. Shared by all environments, read-only.

    Attributes:
        scenario: The scenario.
        board: Its board, overrides applied.
        table: Its SushiAbs table.
        layout: Layout of the observation.
        parameters: Scalars, one record of dtype `PARAMETERS`, shape (1,).
        pairs: Per SubNet and SubGraph: latency s, off-chip and resident bytes, J; (S, G, 4).
        reloads: Per pair of SubGraphs: seconds, bytes, joules; shape (G, G, 3).
        subnets: Per SubNet: top-1 %, its accuracy in 0..1, weight bytes; shape (S, 3).
        classes: Per class: SLO s, floor %, and both as observed; shape (C, 4).
        class_cdf: Per regime, cumulative class probabilities; shape (R, C).
        rows: Per SubGraph, the observed latency and reload rows; float32, shape (G, S + G).
        reward_weights: Weight of each component, in the order of `COMPONENTS`.
    """

    scenario: Scenario
    board: Board
    table: SushiAbs
    layout: ObservationLayout
    parameters: NDArray[np.void]
    pairs: NDArray[np.float64]
    reloads: NDArray[np.float64]
    subnets: NDArray[np.float64]
    classes: NDArray[np.float64]
    class_cdf: NDArray[np.float64]
    rows: NDArray[np.float32]
    reward_weights: NDArray[np.float64]


def scenario_board(scenario: Scenario) -> Board:
    """The scenario's board, with its overrides."""
    board = get_board(scenario.board)
    if scenario.pb_kib is not None:
        board = replace(board, pb_bytes=scenario.pb_kib * 1024)
    if scenario.bandwidth_gbs is not None:
        board = replace(board, bandwidth_bytes_per_s=scenario.bandwidth_gbs * 1e9)
    return board


@lru_cache(maxsize=64)
def _table(supernet: str, board: Board, num_subgraphs: int) -> SushiAbs:
    return build_table(get_supernet(supernet), board, num_subgraphs=num_subgraphs)


def compile_scenario(scenario: Scenario) -> Problem:
    """Builds the arrays of a scenario; equal scenarios share one table."""
    board = scenario_board(scenario)
    table = _table(scenario.supernet, board, scenario.subgraphs)
    layout = ObservationLayout(table.num_subnets, table.num_subgraphs)
    lowest, highest = table.top1.min(), table.top1.max()
    spread = max(highest - lowest, 1e-9)
    uncached = table.latency_s[:, 0]

    slo = np.array([c.slo for c in scenario.classes]) * uncached.max()
    floor = np.array([c.floor for c in scenario.classes])
    seen_floor = np.clip((floor - lowest) / spread, 0, 1)
    weights = np.array(scenario.regimes)
    cdf = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    cdf[:, -1] = 1.0

    parameters = np.zeros(1, dtype=PARAMETERS)
    parameters["mean_gap"] = uncached.min() / scenario.load
    regimes = len(scenario.regimes)
    parameters["regime_switch"] = 1 / scenario.regime_queries if regimes > 1 else 0.0
    parameters["fastest"] = uncached.min()
    parameters["largest_slo"] = slo.max()
    parameters["offchip_scale"] = 1 / table.offchip_bytes[:, 0].max()
    parameters["latency_unit"] = table.latency_s.min() / 2
    parameters["capacity"] = scenario.queue_capacity
    parameters["queries"] = scenario.queries
    parameters["drop_hopeless"] = scenario.admission == "drop_hopeless"

    rows = np.concatenate(
        [
            table.latency_s.T / table.latency_s.max(),
            table.reload_s / max(table.reload_s.max(), 1e-300),
        ],
        axis=1,
    )
    preset = REWARD_PRESETS[scenario.reward] | scenario.reward_weights.given()
    return Problem(
        scenario=scenario,
        board=board,
        table=table,
        layout=layout,
        parameters=parameters,
        pairs=np.stack(
            [table.latency_s, table.offchip_bytes, table.resident_bytes, table.energy_j], axis=-1
        ),
        reloads=np.stack([table.reload_s, table.reload_bytes, table.reload_j], axis=-1),
        subnets=np.stack([table.top1, (table.top1 - lowest) / spread, table.weight_bytes], axis=-1),
        classes=np.stack([slo, floor, slo / slo.max(), seen_floor], axis=-1),
        class_cdf=cdf,
        rows=rows.astype(np.float32),
        reward_weights=np.array([preset[name] for name in COMPONENTS]),
    )
