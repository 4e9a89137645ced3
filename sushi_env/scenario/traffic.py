"""Arrival processes as a scenario describes them.

Times are counted in queries: a period of 500 queries is the time in which 500 are expected at
the scenario's load. So the same process fits every board, and every process keeps the load.
"""

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from sushi_env.scenario.trace_file import load_trace, trace_digest

PROFILE_SLOTS = 96
CROWD_SLOTS = 32

SMALLEST = 1e-6
"""Smallest figure above 0 of those that may be 0: below it, their reciprocals overflow."""

Queries = Annotated[float, Field(ge=0.1, le=1e9)]
"""A span of time, in queries: ten changes of the rate between two arrivals are enough."""

Period = Annotated[float, Field(ge=1, le=1e9)]
"""A cycle, of up to 96 changes; one shorter than a query could be told from none by nobody."""


def _zero_or_more(value: float) -> float:
    if 0 < value < SMALLEST:
        raise ValueError(f"must be 0, or at least {SMALLEST:g}")
    return value


NotTiny = AfterValidator(_zero_or_more)


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PoissonArrivals(_Frozen):
    """Memoryless arrivals."""

    kind: Literal["poisson"] = "poisson"


class GammaArrivals(_Frozen):
    """Independent gamma-distributed gaps.

    Attributes:
        scv: Squared coefficient of variation of the gaps: 0 is clockwork, 1 is Poisson.
    """

    kind: Literal["gamma"] = "gamma"
    scv: Annotated[float, Field(ge=0, le=100), NotTiny]


class MmppArrivals(_Frozen):
    """A Markov-modulated Poisson process; after each state another follows, all as likely.

    Attributes:
        rates: Arrival rate in each state, relative to the other states'.
        dwell_queries: Mean time spent in each state at a visit, in queries.
    """

    kind: Literal["mmpp"] = "mmpp"
    rates: Annotated[
        tuple[Annotated[float, Field(ge=0, le=1e6), NotTiny], ...],
        Field(min_length=2, max_length=64),
    ]
    dwell_queries: tuple[Queries, ...]

    @model_validator(mode="after")
    def _check(self) -> "MmppArrivals":
        if len(self.dwell_queries) != len(self.rates):
            raise ValueError(
                f"dwell_queries has {len(self.dwell_queries)} entries, one for each of the "
                f"{len(self.rates)} rates is needed"
            )
        if max(self.rates) == 0:
            raise ValueError(f"rates = {self.rates}: at least one must be above 0")
        return self

    def segments(self) -> tuple[list[float], list[float]]:
        """Relative rates and mean spans of the states."""
        return list(self.rates), list(self.dwell_queries)


class DiurnalArrivals(_Frozen):
    """Poisson arrivals at a rate that follows the hours of a day, from a random hour on.

    Attributes:
        period_queries: Length of a day.
        amplitude: Swing of the rate, of which the mean is 1; a sine in 96 steps.
    """

    kind: Literal["diurnal"] = "diurnal"
    period_queries: Period = 1000.0
    amplitude: Annotated[float, Field(ge=0, le=1)] = 0.8

    def segments(self) -> tuple[list[float], list[float]]:
        """Relative rates and spans of the steps."""
        at = [(slot + 0.5) / PROFILE_SLOTS for slot in range(PROFILE_SLOTS)]
        rates = [1 + self.amplitude * math.sin(2 * math.pi * x) for x in at]
        # Rounded, since the last bit of a sine differs between machines.
        return (
            [round(rate, 12) for rate in rates],
            [self.period_queries / PROFILE_SLOTS] * PROFILE_SLOTS,
        )


class FlashCrowdArrivals(_Frozen):
    """Poisson arrivals with crowds that come at once and leave in 32 even steps.

    An episode starts at a random point between two crowds' beginnings.

    Attributes:
        period_queries: Time from the beginning of a crowd to that of the next.
        duration_queries: Time until the last of a crowd has left.
        peak: Rate when a crowd comes, over the rate between crowds.
    """

    kind: Literal["flash_crowd"] = "flash_crowd"
    period_queries: Period = 1000.0
    duration_queries: Queries = 100.0
    peak: Annotated[float, Field(ge=1, le=1000)] = 8.0

    @model_validator(mode="after")
    def _check(self) -> "FlashCrowdArrivals":
        if self.duration_queries >= self.period_queries:
            raise ValueError(
                f"duration_queries = {self.duration_queries:g}, must be below "
                f"period_queries = {self.period_queries:g}"
            )
        return self

    def segments(self) -> tuple[list[float], list[float]]:
        """Relative rates and spans: the crowd's steps, then the quiet time."""
        steps = [(slot + 0.5) / CROWD_SLOTS for slot in range(CROWD_SLOTS)]
        rates = [self.peak + (1 - self.peak) * x for x in steps]
        spans = [self.duration_queries / CROWD_SLOTS] * CROWD_SLOTS
        return [*rates, 1.0], [*spans, self.period_queries - self.duration_queries]


class TraceArrivals(_Frozen):
    """Replay of recorded arrivals, rescaled to the load, from a random one on, round and round.

    Attributes:
        path: CSV, or gzipped CSV, with a column `arrival_s`; relative to the scenario file.
        jitter_s: Each time is moved by a uniform draw from [0, jitter_s), once for all
            episodes; for traces whose clock ticks coarsely.
        sha256: Digest that the times must have, in hex; not checked if not given.
    """

    kind: Literal["trace"] = "trace"
    path: Annotated[str, Field(min_length=1, max_length=4096)]
    jitter_s: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None

    def digest(self) -> str:
        """SHA-256, in hex, of the recorded times.

        Raises:
            InputError: If the trace cannot be read.
        """
        return trace_digest(load_trace(self.path))

    def beside(self, folder: Path) -> "TraceArrivals":
        """The same, with a relative path taken from `folder`."""
        return self.model_copy(update={"path": str(folder / self.path)})


class ClosedLoopArrivals(_Frozen):
    """The next query arrives when the accelerator is free again: nobody waits, as in the paper."""

    kind: Literal["closed_loop"] = "closed_loop"


Arrivals = Annotated[
    PoissonArrivals
    | GammaArrivals
    | MmppArrivals
    | DiurnalArrivals
    | FlashCrowdArrivals
    | TraceArrivals
    | ClosedLoopArrivals,
    Field(discriminator="kind"),
]
