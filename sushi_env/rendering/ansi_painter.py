"""Paints a moment of an episode as text for a terminal, with Rich."""

import io

import numpy as np
from rich.console import Console
from rich.style import Style
from rich.text import Text

from sushi_accel.palette import (
    GREY,
    MISS,
    subnet_colour,
    text_on,
    urgency_colour,
)
from sushi_env.engine.problem import Problem
from sushi_env.rendering.layer_weights import layer_weights
from sushi_env.rendering.moment import Moment

COLUMNS = 100
LABEL = 11
SHOWN = 7
"""Waiting queries that are shown; of more, the number."""

BLOCKS = " ▁▂▃▄▅▆▇█"
MIB = 2**20


def _on(colour: str) -> Style:
    return Style(color=text_on(colour), bgcolor=colour)


def _blocks(shares: np.ndarray) -> str:
    """One character per share in 0..1; a blank only for 0."""
    heights = np.ceil(np.clip(shares, 0, 1) * (len(BLOCKS) - 1)).astype(int)
    return "".join(BLOCKS[height] for height in heights)


class AnsiPainter:
    """Paints moments of one scenario as lines of text with terminal colours.

    Args:
        problem: The compiled scenario.
    """

    def __init__(self, problem: Problem):
        self._problem = problem
        self._table = problem.table
        self._weights = layer_weights(problem)

    def paint(self, moment: Moment) -> str:
        """Paints a moment; every line ends in a newline."""
        file = io.StringIO()
        console = Console(
            file=file,
            force_terminal=True,
            color_system="truecolor",
            width=max(COLUMNS, LABEL + len(self._weights.largest)),
            highlight=False,
        )
        for line in (
            self._header(moment),
            self._queue(moment),
            self._service(moment),
            *self._buffer(moment),
            *self._charts(moment),
            self._totals(moment),
        ):
            console.print(line, no_wrap=True, overflow="crop")
        return file.getvalue()

    def _line(self, label: str) -> Text:
        return Text().append(label.ljust(LABEL), "bold")

    def _header(self, moment: Moment) -> Text:
        scenario = self._problem.scenario
        return self._line(f"{moment.time_s:.3f} s").append(
            f" {scenario.name}, {moment.totals.resolved} of {scenario.queries} queries"
        )

    def _queue(self, moment: Moment) -> Text:
        line = self._line("queue").append(f"{len(moment.waiting)} ")
        for query in moment.waiting[:SHOWN]:
            slack_s = query.deadline_s - moment.time_s
            line.append(f" {1e3 * slack_s:.0f} ms ", _on(urgency_colour(slack_s, query.slo_s)))
            line.append(" ")
        more = len(moment.waiting) - SHOWN
        return line.append(f"+{more}" if more > 0 else "")

    def _service(self, moment: Moment) -> Text:
        line = self._line("served")
        service = moment.serving
        if service is None:
            return line.append("nobody yet", GREY)
        line.append(f" {self._name(service.subnet)} ", _on(self._colour(service.subnet)))
        took = 1e3 * (service.finish_s - service.query.arrival_s)
        line.append(f" in {took:.0f} of {1e3 * service.query.slo_s:.0f} ms")
        line.append("" if service.on_time else " late", MISS)
        line.append(f", top-1 {service.top1:.1f} of {service.query.floor:g} %")
        return line.append("" if service.above_floor else " below floor", MISS)

    def _buffer(self, moment: Moment) -> list[Text]:
        table, weights = self._table, self._weights
        held = table.subgraph_bytes[moment.cached] / MIB
        height = np.sqrt(weights.largest / weights.largest.max())
        share = weights.subgraphs[moment.cached] / weights.largest
        name = table.subgraph_names[moment.cached]
        return [
            self._line("buffer").append(
                f"SubGraph {name}, {held:.2f} of {table.pb_bytes / MIB:.2f} MiB", "default"
            ),
            self._line("  layers").append(_blocks(height), GREY),
            self._line("  resident").append(_blocks(share)),
        ]

    def _charts(self, moment: Moment) -> list[Text]:
        table = self._table
        subnets, accuracy = self._line("SubNets"), self._line("top-1")
        latency, missed = self._line("latency"), self._line("missed")
        for service in moment.recent:
            colour = self._colour(service.subnet)
            subnets.append(self._name(service.subnet)[0], _on(colour))
            rank = float(table.normalised(service.top1))
            accuracy.append(_blocks(np.array([0.125 + 0.875 * rank])), colour)
            part = _blocks(np.array([service.latency_per_slo / 2]))
            latency.append(part, colour if service.on_time else MISS)
            late = not service.on_time or service.dropped
            mark = "x" if late else "v" if not service.above_floor else "·"
            missed.append(mark, GREY if mark == "·" else MISS)
        latency.append("  full: 200 % of the SLO", GREY)
        missed.append("  x missed, v below floor", GREY)
        return [subnets, accuracy, latency, missed]

    def _totals(self, moment: Moment) -> Text:
        totals = moment.totals
        top1 = "-" if totals.mean_top1 is None else f"{totals.mean_top1:.2f} %"
        return self._line("so far").append(
            f"utility {totals.mean_utility:.3f}, on time {100 * totals.on_time_share:.1f} %, "
            f"served top-1 {top1}, {totals.dropped} dropped, {totals.reloads} reloads",
        )

    def _name(self, subnet: int) -> str:
        return self._table.subnet_names[subnet]

    def _colour(self, subnet: int) -> str:
        return subnet_colour(subnet, self._table.num_subnets)
