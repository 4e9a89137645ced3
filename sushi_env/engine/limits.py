"""What the engine refuses beyond what a scenario's keys allow one by one."""

import numpy as np
from numpy.typing import NDArray

from sushi_accel import InputError, SushiAbs
from sushi_env.scenario.scenario import Scenario

TABLE_BOUNDS = {
    "latency_s": (1e-9, 1e6),
    "reload_s": (0.0, 1e6),
    "offchip_bytes": (0.0, 1e15),
    "resident_bytes": (0.0, 1e15),
    "weight_bytes": (0.0, 1e15),
    "reload_bytes": (0.0, 1e15),
    "energy_j": (0.0, 1e9),
    "reload_j": (0.0, 1e9),
    "top1": (0.0, 100.0),
}
"""What hardware can be: a nanosecond to eleven days, a petabyte. Sums over episodes stay finite."""

MANY = 10_000
"""Queries that may be dropped at one decision: an episode of more must not allow for more."""


def check_table(table: SushiAbs, where: str) -> None:
    """Refuses a table of which some figure is no number, or one that no hardware has.

    Args:
        table: The table.
        where: What it belongs to, for the message.

    Raises:
        InputError: If a figure is outside of `TABLE_BOUNDS`.
    """
    for name, (least, most) in TABLE_BOUNDS.items():
        values = getattr(table, name)
        wrong = values[~((values >= least) & (values <= most))]
        if wrong.size:
            raise InputError(
                f"{where}: its table has {name} = {wrong.flat[0]:g}, "
                f"must be from {least:g} to {most:g}"
            )


def check_drops(
    scenario: Scenario,
    table: SushiAbs,
    least_slo_s: float,
    peak_rate: float,
    trace_s: NDArray[np.float64],
) -> None:
    """Refuses a long episode of which one decision may drop any number: that step would hang.

    Args:
        scenario: The scenario.
        table: Its table.
        least_slo_s: The smallest SLO, seconds.
        peak_rate: The highest rate at which queries arrive for a while, per second.
        trace_s: Gaps of the replayed trace, seconds, shape (L,); one mean gap without a trace.

    Raises:
        InputError: If more than `MANY` queries may be dropped at once, and are not all there are.
    """
    if scenario.queries <= MANY:
        return
    longest = table.latency_s.max() + table.reload_s.max()
    times = np.cumsum(np.concatenate([trace_s, trace_s]))
    burst = np.searchsorted(times, times + longest, side="right") - np.arange(len(times))
    come = 0.0 if scenario.load is None else max(longest * peak_rate, float(burst.max()))
    hopeless = scenario.admission == "drop_hopeless" and (
        least_slo_s < table.latency_s.min(axis=0).max()
    )
    if hopeless or come > MANY:
        raise InputError(
            f"scenario {scenario.name!r}: queries = {scenario.queries}, must be at most {MANY} "
            f"where so many or more may be dropped at one decision"
        )
