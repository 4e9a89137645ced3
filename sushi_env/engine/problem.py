"""A scenario compiled to the arrays that the kernel reads."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sushi_accel import (
    Board,
    InputError,
    SushiAbs,
    build_table,
    get_board,
    get_supernet,
    load_table,
)
from sushi_env.engine.layout import ObservationLayout
from sushi_env.engine.limits import check_drops, check_table
from sushi_env.engine.records import ARRIVAL_KINDS, OFFSETS, PARAMETERS
from sushi_env.rewards import COMPONENTS, REWARD_PRESETS
from sushi_env.scenario.scenario import Scenario
from sushi_env.scenario.trace_file import trace_gaps
from sushi_env.scenario.traffic import (
    Arrivals,
    DiurnalArrivals,
    FlashCrowdArrivals,
    GammaArrivals,
    MmppArrivals,
    TraceArrivals,
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
        rows: Per SubGraph, the observation's first parts (`cached`, `latency`, `reload`), and
            zeros for the rest; float32, shape (G, D).
        reward_weights: Weight of each component, in the order of `COMPONENTS`.
        offsets: Where each part of the observation begins, one record of dtype `OFFSETS`.
        rates: Arrival rate in each segment of modulated arrivals, of mean 1; shape (K,).
        spans: Lengths of the segments, in mean gaps; shape (K,).
        trace: Gaps of the replayed trace, of mean 1; shape (L,).
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
    offsets: NDArray[np.void]
    rates: NDArray[np.float64]
    spans: NDArray[np.float64]
    trace: NDArray[np.float64]


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


def _scenario_table(scenario: Scenario, board: Board) -> SushiAbs:
    if scenario.table is not None:
        return load_table(scenario.table)
    return _table(scenario.supernet, board, scenario.subgraphs)


def _rounded(value: float) -> float:
    """12 significant digits: the last bit of a logarithm differs between machines."""
    return float(f"{value:.12g}")


def _parameters(
    scenario: Scenario, table: SushiAbs, slo_s: NDArray[np.float64]
) -> NDArray[np.void]:
    uncached = table.latency_s[:, 0]
    fastest, traffic = uncached.min(), scenario.arrivals
    parameters = np.zeros(1, dtype=PARAMETERS)
    # Without a load, the gap only starts the running average that is observed.
    parameters["mean_gap"] = fastest / scenario.load if scenario.load else uncached.mean()
    switch = 1 / scenario.regime_queries
    parameters["log_regime_stay"] = _rounded(math.log1p(-switch)) if switch < 1 else 0.0
    parameters["gap_scv"] = traffic.scv if isinstance(traffic, GammaArrivals) else 1.0
    sigma = _rounded(math.sqrt(math.log1p(scenario.service_jitter**2)))
    parameters["jitter_sigma"] = sigma
    parameters["fastest"] = fastest
    parameters["largest_slo"] = slo_s.max()
    parameters["per_slo"] = 1 / slo_s.max()
    costliest = table.offchip_bytes[:, 0].max()
    parameters["offchip_scale"] = 1 / costliest if costliest > 0 else 0.0
    # Whole octaves, so that bins have the same edges whatever the jitter; four deviations.
    octaves = 1 + math.ceil((4 * sigma + sigma**2 / 2) / math.log(2))
    parameters["latency_unit"] = table.latency_s.min() / 2**octaves
    parameters["arrivals"] = ARRIVAL_KINDS[traffic.kind]
    parameters["capacity"] = scenario.queue_capacity
    parameters["queries"] = scenario.queries
    parameters["drop_hopeless"] = scenario.admission == "drop_hopeless"
    return parameters


def _segments(traffic: Arrivals) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rates, of mean 1, and spans of modulated arrivals; one entry each for the others."""
    if not isinstance(traffic, MmppArrivals | DiurnalArrivals | FlashCrowdArrivals):
        return np.ones(1), np.ones(1)
    rates, spans = (np.array(part) for part in traffic.segments())
    return rates * (spans.sum() / (rates * spans).sum()), spans


def _trace_gaps(traffic: Arrivals) -> NDArray[np.float64]:
    """Gaps of a trace, of mean 1; one for the others.

    Raises:
        InputError: If the trace cannot be read or is not the one that the scenario means.
    """
    if not isinstance(traffic, TraceArrivals):
        return np.ones(1)
    if traffic.sha256 is not None and traffic.digest() != traffic.sha256:
        raise InputError(
            f"trace {traffic.path}: its times have the digest {traffic.digest()}, "
            f"the scenario means {traffic.sha256}"
        )
    return trace_gaps(traffic.path, traffic.jitter_s)


def compile_scenario(
    scenario: Scenario, table: SushiAbs | None = None, board: Board | None = None
) -> Problem:
    """Builds the arrays of a scenario; equal scenarios share one table.

    Args:
        scenario: The scenario.
        table: A SushiAbs table to use in place of the scenario's own.
        board: A board to use as it is, in place of the scenario's own with its overrides.

    Raises:
        InputError: If a file that the scenario names cannot be used.
    """
    board = board or scenario_board(scenario)
    table = table or _scenario_table(scenario, board)
    check_table(table, f"scenario {scenario.name!r}")
    layout = ObservationLayout(table.num_subnets, table.num_subgraphs)
    slo = np.array([c.slo for c in scenario.classes]) * table.latency_s[:, 0].max()
    floor = np.array([c.floor for c in scenario.classes])
    seen_floor = np.clip(table.normalised(floor), 0, 1)
    weights = np.array(scenario.regimes)
    cdf = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    cdf[:, -1] = 1.0
    rows = np.concatenate(
        [
            np.eye(table.num_subgraphs),
            table.latency_s.T / table.latency_s.max(),
            table.reload_s / max(table.reload_s.max(), 1e-300),
            np.zeros((table.num_subgraphs, layout.size - layout.slices["queue"].start)),
        ],
        axis=1,
    )
    rates, spans = _segments(scenario.arrivals)
    parameters, trace = _parameters(scenario, table, slo), _trace_gaps(scenario.arrivals)
    mean_gap = float(parameters["mean_gap"][0])
    check_drops(scenario, table, slo.min(), rates.max() / mean_gap, trace * mean_gap)
    preset = REWARD_PRESETS[scenario.reward] | scenario.reward_weights.model_dump(exclude_none=True)
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
        subnets=np.stack([table.top1, table.normalised(table.top1), table.weight_bytes], axis=-1),
        classes=np.stack([slo, floor, slo / slo.max(), seen_floor], axis=-1),
        class_cdf=cdf,
        rows=rows.astype(np.float32),
        reward_weights=np.array([preset[name] for name in COMPONENTS]),
        offsets=np.array([tuple(part.start for part in layout.slices.values())], dtype=OFFSETS),
        rates=rates,
        spans=spans,
        trace=trace,
    )
