"""Paints a moment of an episode as a picture: queue, accelerator, Persistent Buffer, charts."""

import numpy as np
from numpy.typing import NDArray

from sushi_accel.palette import (
    GREY,
    INK,
    MISS,
    PALE,
    PAPER,
    subnet_colour,
    text_on,
    urgency_colour,
)
from sushi_env.engine.problem import Problem
from sushi_env.rendering.buffer_panel import paint_buffer
from sushi_env.rendering.canvas import Canvas
from sushi_env.rendering.charts import paint_charts
from sushi_env.rendering.layer_weights import layer_weights
from sushi_env.rendering.moment import Moment, Query, Service

WIDTH, HEIGHT = 640, 632
MARGIN = 20
INNER = WIDTH - 2 * MARGIN
BOXES = 8
"""Waiting queries that are drawn; of more, the number."""


def _short(seconds: float) -> str:
    """A time that fits a query's box."""
    return f"{1e3 * seconds:.0f} ms" if abs(seconds) < 1 else f"{seconds:.1f} s"


class PygamePainter:
    """Paints moments of one scenario (extra `render`: pygame-ce).

    The same moment gives the same pixels.

    Args:
        problem: The compiled scenario.
        title: Headline; by default the scenario's name.

    Attributes:
        canvas: Where it paints.

    Raises:
        DependencyNotInstalled: If pygame-ce is missing.
    """

    def __init__(self, problem: Problem, title: str | None = None):
        self.canvas = Canvas(WIDTH, HEIGHT)
        self._problem = problem
        self._table = problem.table
        self._title = problem.scenario.name if title is None else title
        self._weights = layer_weights(problem)

    def paint(self, moment: Moment) -> NDArray[np.uint8]:
        """Paints a moment.

        Returns:
            Pixels, uint8, shape (HEIGHT, WIDTH, 3).
        """
        canvas = self.canvas
        canvas.clear()
        self._header(moment)
        self._queue(moment, 66)
        self._accelerator(moment, 166)
        paint_buffer(canvas, moment, self._table, self._weights, MARGIN, 272, INNER)
        self._subnet_key(388)
        paint_charts(canvas, moment, self._table, MARGIN, 412, INNER)
        self._footer(moment, 602)
        return canvas.pixels()

    def _header(self, moment: Moment) -> None:
        canvas = self.canvas
        long = len(self._title) > 30
        title = self._title if len(self._title) < 50 else f"...{self._title[-46:]}"
        canvas.text(MARGIN, 18 if long else 14, title, 22 if long else 30)
        canvas.text(WIDTH - MARGIN, 14, f"{moment.time_s:.3f} s", 30, anchor="right")
        done = f"{moment.totals.resolved} of {self._problem.scenario.queries} queries"
        canvas.text(WIDTH - MARGIN, 38, done, 18, GREY, anchor="right")
        net = f"{self._table.supernet} on {self._table.board}"
        if self._title != self._problem.scenario.name:
            net = f"{self._problem.scenario.name}: {net}"
        canvas.text(MARGIN, 38, net, 18, GREY)
        canvas.line(MARGIN, 56, WIDTH - MARGIN, 56, PALE)

    def _queue(self, moment: Moment, y: int) -> None:
        canvas = self.canvas
        capacity = self._problem.scenario.queue_capacity
        waiting = len(moment.waiting)
        canvas.heading(
            MARGIN, y, "Queue", f"{waiting} waiting, room for {capacity}; next is on the left"
        )
        step = (INNER - 60) / BOXES
        for n, query in enumerate(moment.waiting[:BOXES]):
            self._query(query, moment.time_s, MARGIN + n * step, y + 20, step - 6)
        if waiting > BOXES:
            canvas.text(WIDTH - MARGIN, y + 38, f"+{waiting - BOXES}", 24, anchor="right")
        elif waiting == 0:
            canvas.text(MARGIN, y + 38, "nobody waits", 20, GREY)
        canvas.text(WIDTH - MARGIN - 104, y + 1, "time left: much", 15, GREY, "right")
        for n in range(24):
            colour = urgency_colour(1 - n / 20, 1)
            canvas.box(WIDTH - MARGIN - 100 + 3 * n, y, 3, 13, colour)
        canvas.text(WIDTH - MARGIN, y + 1, "none", 15, GREY, "right")

    def _query(self, query: Query, now_s: float, x: float, y: float, width: float) -> None:
        slack_s = query.deadline_s - now_s
        colour = urgency_colour(slack_s, query.slo_s)
        self.canvas.box(x, y, width, 58, colour, GREY, radius=5)
        ink, middle = text_on(colour), x + width / 2
        self.canvas.text(middle, y + 9, _short(slack_s), 22, ink, "centre")
        self.canvas.text(middle, y + 34, f"≥ {query.floor:g} %", 19, ink, "centre")

    def _accelerator(self, moment: Moment, y: int) -> None:
        canvas = self.canvas
        service = moment.serving
        canvas.box(MARGIN, y, INNER, 92, PAPER, radius=8)
        if service is None:
            canvas.text(MARGIN + 14, y + 34, "Accelerator: waiting for its first query", 22, GREY)
            return
        running = moment.time_s < service.finish_s
        loading = not running and moment.time_s < service.free_s
        colour = self._colour(service.subnet)
        canvas.box(MARGIN + 12, y + 12, 68, 68, colour, radius=8)
        name = self._table.subnet_names[service.subnet]
        size = min(max(100 // len(name), 10), 56)
        middle = y + 46 - 0.34 * size
        canvas.text(MARGIN + 46, middle, name, size, text_on(colour), "centre")
        if running:
            words = f"SubNet {name} is serving"
        elif loading:
            words = f"SubNet {name} has served, loading {self._subgraph(service.subgraph)}"
        else:
            words = f"SubNet {name} has served"
        canvas.text(MARGIN + 94, y + 12, words, 22)
        top1 = f"top-1 {service.top1:.1f} %, asked ≥ {service.query.floor:g} %"
        colour = INK if service.above_floor else MISS
        canvas.text(WIDTH - MARGIN - 12, y + 14, top1, 19, colour, "right")
        self._deadline_bar(service, moment.time_s, MARGIN + 94, y + 40)

    def _deadline_bar(self, service: Service, now_s: float, x: float, y: float) -> None:
        """Waiting and service of a query, up to its SLO and beyond."""
        canvas = self.canvas
        width = INNER - 106
        query = service.query
        scale = width / max(1.5 * query.slo_s, service.finish_s - query.arrival_s)

        def place(time_s: float) -> float:
            return x + (time_s - query.arrival_s) * scale

        end_s = min(max(now_s, service.start_s), service.finish_s)
        canvas.box(x, y, width, 16, PALE)
        canvas.box(x, y, place(service.start_s) - x, 16, GREY)
        begin = place(service.start_s)
        canvas.box(begin, y, place(end_s) - begin, 16, self._colour(service.subnet))
        deadline = place(query.deadline_s)
        canvas.line(deadline, y - 4, deadline, y + 19, MISS, 2)
        key = f"SLO {1e3 * query.slo_s:.0f} ms"
        key_width = canvas.text(x + width, y + 22, key, 17, MISS, "right")
        canvas.line(x + width - key_width - 6, y + 21, x + width - key_width - 6, y + 33, MISS, 2)
        waited = f"waited {1e3 * (service.start_s - query.arrival_s):.0f} ms"
        if now_s < service.finish_s:
            words = f"{waited}, in service {1e3 * (now_s - service.start_s):.0f} ms"
        else:
            took = 1e3 * (service.finish_s - query.arrival_s)
            words = f"{waited}, answered after {took:.0f} ms" + (
                "" if service.on_time else ": late"
            )
        late = end_s > query.deadline_s
        canvas.text(x, y + 22, words, 17, MISS if late else INK)

    def _subnet_key(self, y: int) -> None:
        """SubNets by colour, with their accuracy as long as there is room for that."""
        canvas, table = self.canvas, self._table
        step = (INNER - 66) / max(table.num_subnets, 6)
        canvas.line(MARGIN, y - 6, WIDTH - MARGIN, y - 6, PALE)
        canvas.text(MARGIN, y, "SubNets", 20)
        for i, name in enumerate(table.subnet_names):
            x = MARGIN + 70 + i * step
            canvas.box(x, y - 1, 14, 14, self._colour(i), GREY)
            if step > 70 and len(name) <= 3:
                canvas.text(x + 19, y, f"{name} {table.top1[i]:.1f} %", 18)
            elif step > 8 * len(name) + 20:
                canvas.text(x + 19, y, name, 18)

    def _footer(self, moment: Moment, y: int) -> None:
        totals = moment.totals
        top1 = "-" if totals.mean_top1 is None else f"{totals.mean_top1:.1f} %"
        figures = (
            ("utility", f"{totals.mean_utility:.3f}"),
            ("on time", f"{100 * totals.on_time_share:.0f} %"),
            ("below floor", f"{totals.below_floor}"),
            ("served top-1", top1),
            ("dropped", f"{totals.dropped}"),
            ("reloads", f"{totals.reloads}"),
        )
        self.canvas.line(MARGIN, y - 6, WIDTH - MARGIN, y - 6, PALE)
        x = float(MARGIN)
        for name, value in figures:
            x += 5 + self.canvas.text(x, y + 5, name, 17, GREY)
            x += 14 + self.canvas.text(x, y + 3, value, 21)

    def _colour(self, subnet: int) -> str:
        return subnet_colour(subnet, self._table.num_subnets)

    def _subgraph(self, j: int) -> str:
        name = self._table.subgraph_names[j]
        return f"SubGraph {name}"
