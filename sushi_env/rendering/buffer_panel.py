"""Paints the SuperNet's layers, and how much of each the Persistent Buffer holds."""

import numpy as np

from sushi_accel import SushiAbs
from sushi_accel.palette import EDGE, GREY, INK, MIDDLE, PAPER
from sushi_env.rendering.canvas import Canvas
from sushi_env.rendering.layer_weights import LayerWeights
from sushi_env.rendering.moment import Moment

TALL = 66
"""Pixels of the largest layer's bar; bars grow with the root of the weights."""

MIB = 2**20


def paint_buffer(
    canvas: Canvas,
    moment: Moment,
    table: SushiAbs,
    weights: LayerWeights,
    x: float,
    y: float,
    width: float,
) -> None:
    """Paints one bar per layer: what the SubNet uses of it, and what is resident; 104 pixels high.

    Args:
        canvas: Where to paint.
        moment: The moment.
        table: Its SushiAbs table.
        weights: Weights per layer.
        x: Left edge, pixels.
        y: Upper edge, pixels.
        width: Width, pixels.
    """
    canvas.heading(x, y, "Persistent Buffer", _contents(table, moment.cached))
    active = moment.serving.subnet if moment.serving else None
    step, base = width / len(weights.largest), y + 22 + TALL
    wide = max(step - 2, 1)
    heights = TALL * np.sqrt(weights.largest / weights.largest.max())
    for n, height in enumerate(heights.tolist()):
        left = x + n * step
        canvas.box(left, base - height, wide, height, PAPER)
        used = 0.0 if active is None else weights.subnets[active, n]
        for part, fill in ((used, MIDDLE), (weights.subgraphs[moment.cached, n], INK)):
            filled = height * part / weights.largest[n]
            canvas.box(left, base - filled, wide, filled, fill)
        canvas.box(left, base - height, wide, height, edge=EDGE)
    name = "no SubNet" if active is None else f"SubNet {table.subnet_names[active]}"
    at = x
    for words, fill in (("SuperNet's layers", PAPER), (f"in {name}", MIDDLE), ("resident", INK)):
        canvas.box(at, y + 92, 11, 11, fill, GREY)
        at += 28 + canvas.text(at + 16, y + 92, words, 16, GREY)
    note = "first layer to last; height: root of the weights"
    canvas.text(x + width, y + 92, note, 16, GREY, "right")


def _contents(table: SushiAbs, cached: int) -> str:
    room = f"{table.pb_bytes / MIB:.2f} MiB"
    held = float(table.subgraph_bytes[cached])
    if not held:
        return f"nothing cached, room for {room}"
    share = 100 * held / float(table.weight_bytes.max())
    return (
        f"SubGraph {table.subgraph_names[cached]}: {held / MIB:.2f} of {room}, "
        f"{share:.0f} % of the largest SubNet"
    )
