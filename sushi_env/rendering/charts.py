"""Strip charts of the latest queries: what they were given, and whether it was in time."""

from sushi_accel import SushiAbs
from sushi_accel.palette import GREY, INK, MISS, PALE, subnet_colour
from sushi_env.rendering.canvas import Canvas
from sushi_env.rendering.moment import Moment
from sushi_env.rendering.record import RECENT

AXIS = 44
"""Pixels to the left of the charts, for their scales."""

MOST_SLOS = 2.0
"""Latency over SLO at the chart's upper edge; more is cut off."""


def paint_charts(
    canvas: Canvas, moment: Moment, table: SushiAbs, x: float, y: float, width: float
) -> None:
    """Paints accuracy above latency, the newest query on the right; 174 pixels high.

    Args:
        canvas: Where to paint.
        moment: The moment.
        table: Its SushiAbs table.
        x: Left edge, pixels.
        y: Upper edge, pixels.
        width: Width, pixels.
    """
    step = (width - AXIS) / RECENT
    places = [x + width - step * (len(moment.recent) - n) for n in range(len(moment.recent))]
    _accuracy(canvas, moment, table, places, step, x, y, width)
    _latency(canvas, moment, table, places, step, x, y + 84, width)


def _accuracy(
    canvas: Canvas,
    moment: Moment,
    table: SushiAbs,
    places: list[float],
    step: float,
    x: float,
    y: float,
    width: float,
) -> None:
    """Served top-1 as a bar in its SubNet's colour; an orange one is below the floor."""
    tall = 46
    base = y + 24 + tall
    lowest, highest = float(table.top1.min()), float(table.top1.max())
    canvas.heading(x, y, "Accuracy", f"top-1 of the latest {RECENT} queries")
    _key(canvas, x + width, y, "below what was asked")
    canvas.line(x + AXIS, base, x + width, base, PALE)
    canvas.text(x + AXIS - 6, base - tall - 2, f"{highest:.1f}", 16, GREY, "right")
    canvas.text(x + AXIS - 6, base - 11, f"{lowest:.1f}", 16, GREY, "right")
    for at, service in zip(places, moment.recent, strict=True):
        high = 6 + (tall - 6) * float(table.normalised(service.top1))
        colour = subnet_colour(service.subnet, table.num_subnets)
        canvas.box(at, base - high, step - 1, high, colour)
        if not service.above_floor:
            canvas.cross(at + step / 2 - 1, base - high - 5, 3, MISS)


def _latency(
    canvas: Canvas,
    moment: Moment,
    table: SushiAbs,
    places: list[float],
    step: float,
    x: float,
    y: float,
    width: float,
) -> None:
    """Response time over SLO; above the dashed line the deadline was missed."""
    tall = 60
    base = y + 30 + tall
    canvas.heading(x, y, "Latency", "response time as a share of its SLO")
    _key(canvas, x + width, y, "late, or dropped")
    canvas.line(x + AXIS, base, x + width, base, PALE)
    for value in (1, 2):
        line = base - tall * value / MOST_SLOS
        canvas.text(x + AXIS - 6, line - 6, f"{100 * value} %", 16, GREY, "right")
    for at, service in zip(places, moment.recent, strict=True):
        high = tall * min(service.latency_per_slo, MOST_SLOS) / MOST_SLOS
        colour = subnet_colour(service.subnet, table.num_subnets)
        canvas.box(at, base - high, step - 1, high, colour if service.on_time else MISS)
        if not service.on_time or service.dropped:
            canvas.cross(at + step / 2 - 1, base - high - 5, 3, MISS)
    canvas.dashes(x + AXIS, x + width, base - tall / MOST_SLOS, INK)


def _key(canvas: Canvas, right: float, y: float, words: str) -> None:
    width = canvas.text(right, y + 1, words, 17, MISS, "right")
    canvas.cross(right - width - 10, y + 7, 4, MISS)
