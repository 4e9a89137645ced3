"""All sections, one after another."""

from dataclasses import dataclass
from pathlib import Path

from sushi_accel.silicon.validation import Validation
from sushi_agents import make_policy
from sushi_bench.paper.rows import Row
from sushi_bench.paper.sections import (
    Track,
    abstraction,
    accelerator,
    energy,
    queueing,
    scheduling,
    scheduling_rows,
    silicon,
    weights,
)
from sushi_env import compile_scenario

DEFAULT_AGENT = "zoo"


@dataclass(frozen=True)
class Report:
    """Everything that was computed.

    Attributes:
        sections: Title and rows of each section.
        accelerator: Section 2's sweeps.
        energy: Section 3's sweep.
        scheduling: Section 4's streams.
        silicon: Section 6's validations, by preset; none without measurements.
        queueing: Section 7's scenarios.
        notes: What was left out, and why.
    """

    sections: dict[str, list[Row]]
    accelerator: accelerator.Accelerator
    energy: energy.Energy
    scheduling: scheduling.Scheduling
    silicon: dict[str, Validation]
    queueing: queueing.Queueing
    notes: list[str]

    @property
    def rows(self) -> list[Row]:
        """The rows of all sections."""
        return [row for rows in self.sections.values() for row in rows]


def compute(
    track: Track,
    agent: str | None = None,
    trust: bool = False,
    measurements: Path | None = None,
) -> Report:
    """Computes every figure.

    Args:
        track: Iterates over a sequence and reports progress under a description.
        agent: A learned scheduler, by name or path; by default `DEFAULT_AGENT`, which is left
            out with a note if it is not to be had.
        trust: Whether a model file may execute code while it loads.
        measurements: CSV of measured layers, which do not come with the package; without it their
            section is left out with a note.

    Raises:
        InputError: If the agent or the measurements that were asked for cannot be had.
    """
    notes = []
    measured = {}
    if measurements is not None:
        measured = silicon.search(measurements)
    else:
        notes.append("measured layers left out: give a CSV of them with --measurements")
    if agent is not None:  # fail before the work, not after it
        make_policy(agent, compile_scenario(queueing.scenarios()[0]), trust)
    designs = accelerator.search(track)
    saved = energy.search(track)
    streams = scheduling.search(designs, track)
    costs = abstraction.rows(track)
    queued = queueing.search(agent or DEFAULT_AGENT, trust, agent is not None, track)
    sections = {
        "Weights": weights.rows(),
        "Accelerator alone": accelerator.rows(designs),
        "Off-chip energy": energy.rows(saved),
        "Scheduling": scheduling_rows.rows(streams),
        "Cost of the abstraction": costs,
        "Measured hardware": silicon.rows(measured),
        "Beyond the paper": queueing.rows(queued),
    }
    return Report(sections, designs, saved, streams, measured, queued, [*notes, *queued.notes])
