"""The reference simulator: SushiAccel layer by layer, sweep by sweep, event by event.

Written to be read and believed; `timing` is the fast closed form, and tests hold the two to
one cycle. What happens in a layer:

1. *Driver.* If the board pays for it, the driver's call.
2. *Staging.* If the board stages inputs, the port fetches the input map, in whole groups of
   `cp` channels.
3. *Sweeps.* The layer's weights are cut into tiles of `kp` output channels, `cp` input channels
   (`taps` times as many for 1x1 kernels) and `taps` taps. The array makes one sweep per tile. Tiles
   that the Persistent Buffer holds entirely go first. The weights that it does not hold lie
   densely in memory and are fetched in equal bursts, one before each other sweep. Single-buffered,
   a burst starts when the sweep before it has ended. Double-buffered, it starts as soon as the
   port has finished the burst before it and the dynamic buffer has room, which a sweep gives
   back when it ends.
4. *Maps.* The port moves the input map (unless staged) and the output map in the background:
   whenever it is not moving weights. How one layer's output becomes the next one's input is not
   modelled: the port is never short of map bytes to move, and the layer ends when both its last
   sweep and its last byte are through. Where maps stay on chip the port moves none; the array
   writes the output map when its sweeps are done.
5. *Strips.* Where a map does not fit on chip, the layer's sweeps are made over one strip of the
   input map after another, and for each strip all weights that are not resident are fetched anew.
"""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from sushi_accel.boards.board import Board
from sushi_accel.supernets.layer import ConvLayer
from sushi_accel.supernets.subgraph import SubGraph
from sushi_accel.supernets.supernet import SubNet

Kind = Literal["driver", "stage", "fetch", "sweep", "maps", "write"]


@dataclass(frozen=True)
class Span:
    """Something that took time: a driver call, staging, a fetch, a sweep, moving or writing maps.

    Attributes:
        kind: What it was.
        start: When it began, cycles since the layer did.
        end: When it ended, cycles.
    """

    kind: Kind
    start: float
    end: float


@dataclass(frozen=True)
class LayerRun:
    """One layer's execution.

    Attributes:
        layer: The layer.
        cycles: From its start to its end.
        offchip_bytes: Bytes the port moved.
        resident_bytes: Weight bytes the Persistent Buffer held.
        spans: What happened, in order of start.
    """

    layer: ConvLayer
    cycles: float
    offchip_bytes: float
    resident_bytes: int
    spans: tuple[Span, ...]


def tiles(layer: ConvLayer, board: Board) -> Iterator[tuple[range, range, range]]:
    """The layer's weight tiles: ranges of output channels, input channels and taps."""
    per_tile = board.cp * board.taps if layer.kernel == 1 else board.cp
    for k in range(0, layer.out_channels, board.kp):
        for c in range(0, layer.weight_channels, per_tile):
            for tap in range(0, layer.kernel**2, board.taps):
                yield (
                    range(k, min(k + board.kp, layer.out_channels)),
                    range(c, min(c + per_tile, layer.weight_channels)),
                    range(tap, min(tap + board.taps, layer.kernel**2)),
                )


@dataclass
class _Port:
    """The off-chip port: weights when asked for, maps in the background whenever it is free."""

    maps_left: float
    spans: list[Span] = field(default_factory=list)
    free_since: float = 0.0

    def background(self, until: float) -> None:
        """Moves maps from when the port became free to `until`."""
        start = self.free_since
        cycles = min(self.maps_left, until - start)
        if cycles > 0:
            self.spans.append(Span("maps", start, start + cycles))
            self.maps_left -= cycles
        self.free_since = max(start, until)

    def drain(self) -> float:
        """Moves all maps that are left; returns when the port is done."""
        self.background(self.free_since + self.maps_left)
        return self.free_since

    def fetch(self, start: float, cycles: float) -> float:
        """Moves one burst of weights from `start` on; returns when it is in."""
        self.background(start)
        self.spans.append(Span("fetch", start, start + cycles))
        self.free_since = start + cycles
        return self.free_since


def simulate_layer(
    layer: ConvLayer, board: Board, held: tuple[int, int, int] = (0, 0, 0)
) -> LayerRun:
    """Runs one layer.

    Args:
        layer: The layer.
        board: The board.
        held: Leading (output channels, input channels, taps) in the Persistent Buffer.

    Returns:
        What happened, and how long it took.
    """
    resident = to_fetch = resident_sweeps = 0
    for tile in tiles(layer, board):
        size = math.prod(len(part) for part in tile)
        inside = math.prod(
            len(range(p.start, min(p.stop, h))) for p, h in zip(tile, held, strict=True)
        )
        resident += inside
        to_fetch += size - inside
        resident_sweeps += inside == size
    fetched_sweeps = sum(1 for _ in tiles(layer, board)) - resident_sweeps
    if board.weights_in_tiles:
        to_fetch *= padded(layer.out_channels, board.kp) / layer.out_channels

    positions = (layer.in_size + 2 * layer.padding * board.stream_padding) ** 2
    steps, parts = math.ceil(positions / board.positions), strips(layer, board)
    sweep_cycles = board.cycles_per_position * steps / parts + board.cycles_per_sweep
    channels = padded(layer.in_channels, board.cp) if board.stage_inputs else layer.in_channels
    input_bytes = channels * layer.in_size**2
    output_bytes = layer.out_channels * layer.out_size**2
    map_bytes = 0 if board.maps_on_chip else input_bytes + output_bytes

    spans: list[Span] = []
    now = 0.0

    def spend(kind: Kind, cycles: float) -> None:
        nonlocal now
        spans.append(Span(kind, now, now + cycles))
        now = spans[-1].end

    if board.driver_overhead:
        spend("driver", board.driver_cycles)
    background = map_bytes
    if board.stage_inputs and not board.maps_on_chip:
        spend("stage", input_bytes / board.bytes_per_cycle)
        background = output_bytes
    port = _Port(background / board.bytes_per_cycle, free_since=now)
    burst = to_fetch / board.bytes_per_cycle / max(fetched_sweeps, 1)
    for _ in range(parts):
        spans += _run_sweeps(board, port, now, resident_sweeps, fetched_sweeps, sweep_cycles, burst)
        now = spans[-1].end
    now = max(now, port.drain())
    if board.map_cycles_per_byte:
        spend("write", board.map_cycles_per_byte * output_bytes)
    return LayerRun(
        layer=layer,
        cycles=now,
        offchip_bytes=to_fetch * parts + map_bytes,
        resident_bytes=resident,
        spans=tuple(sorted([*spans, *port.spans], key=lambda span: span.start)),
    )


def padded(channels: int, group: int) -> int:
    """Channels in whole groups."""
    return math.ceil(channels / group) * group


def strips(layer: ConvLayer, board: Board) -> int:
    """Strips in which a layer's input map is read: what fits beside its output map, row by row."""
    if not board.map_bytes:
        return 1
    row = padded(layer.in_channels, board.kp) * layer.in_size
    room = board.map_bytes - padded(layer.out_channels, board.kp) * layer.out_size**2
    if board.strip_bytes:
        room = min(room, board.strip_bytes)
    return math.ceil(row * layer.in_size / max(room, row))


def _run_sweeps(
    board: Board,
    port: _Port,
    now: float,
    resident: int,
    fetched: int,
    sweep_cycles: float,
    burst_cycles: float,
) -> list[Span]:
    """The array and the port working together, one event after another.

    An event is the end of a sweep or of a burst. After each one, whatever has become possible
    is started: the next sweep if the array is idle and its weights are there, the next burst if
    the port is idle and there is room for it.
    """
    total = resident + fetched
    room = board.prefetch_sweeps if board.double_buffered else 1
    events: list[tuple[float, str]] = []
    sweeps: list[Span] = []
    bursts_begun = bursts_in = sweeps_ended = 0
    sweeping = fetching = False
    while sweeps_ended < total:
        streamed_ended = max(sweeps_ended - resident, 0)
        has_room = bursts_begun - streamed_ended < room
        if not board.double_buffered:  # only between sweeps, and only the next one's
            has_room = not sweeping and bursts_begun <= sweeps_ended - resident
        if not fetching and bursts_begun < fetched and has_room:
            heapq.heappush(events, (port.fetch(now, burst_cycles), "burst"))
            bursts_begun += 1
            fetching = True
        has_weights = len(sweeps) < resident or len(sweeps) - resident < bursts_in
        if not sweeping and len(sweeps) < total and has_weights:
            sweeps.append(Span("sweep", now, now + sweep_cycles))
            heapq.heappush(events, (sweeps[-1].end, "sweep"))
            sweeping = True
        now, what = heapq.heappop(events)
        if what == "burst":
            fetching = False
            bursts_in += 1
        else:
            sweeping = False
            sweeps_ended += 1
    return sweeps


def simulate_subnet(subnet: SubNet, board: Board, cached: SubGraph | None = None) -> list[LayerRun]:
    """Runs every layer of a SubNet, one after another, while a SubGraph is cached.

    Args:
        subnet: The SubNet.
        board: The board.
        cached: The SubGraph in the Persistent Buffer; by default none.

    Returns:
        One run per layer; the network takes the sum of their cycles.
    """
    runs = []
    for layer in subnet.layers:
        held = np.zeros(3, dtype=int) if cached is None else cached.slices[layer.slot]
        k, c, taps = (int(h) for h in held)
        own = (layer.out_channels, layer.weight_channels, layer.kernel**2)
        runs.append(
            simulate_layer(layer, board, (min(k, own[0]), min(c, own[1]), min(taps, own[2])))
        )
    return runs
