"""Closed-form timing of SushiAccel, vectorised over layers, SubNets and SubGraphs.

A *sweep* is one pass of a layer's input map over the array, for one tile of `kp` output and
`cp` input channels. Each sweep takes `S = cycles_per_position * positions + cycles_per_sweep`;
the line buffer streams every input position whatever the stride. The weights that the
Persistent Buffer does not hold are stored densely and fetched in equal bursts of `F` cycles,
one for each of the `n` sweeps that need any; the `r` sweeps that need none run first.

*Single-buffered*, a fetch stops the array: `(r + n) * S + n * F`.

*Double-buffered*, the dynamic buffer holds the weights of `d >= 2` sweeps, so burst m starts
once burst m-1 is in and sweep m-d has ended, and sweep m starts once burst m is in and sweep
m-1 has ended. With equal bursts the longest chain of such waits is one of four:

- the array never waits: `(r + n) * S`
- it waits for the first burst only: `F + n * S`
- the port never waits: `n * F + S`
- the port waits once, for the buffer that the first streamed sweep frees:
  `(r + 1) * S + (n - d) * F + S`, if `n > d`

The port also moves the layer's input and output maps, at a priority below the weights': the
layer ends no sooner than all its bytes are through.

A board that works on several positions at once streams that many in a step. Where maps stay on
chip the port moves weights only, and writing the output map takes its own time after the sweeps.
If maps do not fit, a layer is computed in equal strips of its input map, one after another, and
each strip's sweeps fetch anew the weights that are not resident: see `strips`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sushi_accel.boards.board import Board
from sushi_accel.supernets.subgraph import Overlap
from sushi_accel.supernets.supernet import LayerArrays

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LayerWork:
    """What a board has to do for each layer, whatever is cached; arrays of one common shape.

    Attributes:
        sweep_cycles: Cycles of one sweep of one strip, S.
        sweeps_k: Tiles of output channels.
        sweeps_c: Tiles of input channels.
        sweeps_taps: Sweeps per tile that the kernel needs.
        input_reads: How often the array reads the whole input map.
        weight_bytes: Bytes of all weights.
        input_bytes: Bytes of the input map as the port moves them.
        output_bytes: Bytes of the output map.
        strips: Strips the layer is computed in.
        stored: Bytes stored per byte of weights: more than 1 if tiles are padded.
        macs: Multiply-accumulates.
    """

    sweep_cycles: Array
    sweeps_k: Array
    sweeps_c: Array
    sweeps_taps: Array
    input_reads: Array
    weight_bytes: Array
    input_bytes: Array
    output_bytes: Array
    strips: Array
    stored: Array
    macs: Array

    @property
    def sweeps(self) -> Array:
        """Sweeps of the layer."""
        return self.sweeps_k * self.sweeps_c * self.sweeps_taps


def input_channels_per_tile(kernel: Array, board: Board) -> Array:
    """Input channels one sweep covers: 1x1 kernels fold `taps` times more into the taps."""
    return np.where(kernel == 1, board.cp * board.taps, board.cp)


def strips(layers: LayerArrays, board: Board) -> Array:
    """Counts the strips in which each layer's input map is read.

    Maps are held in whole groups of `kp` channels. Beside the output map, what is left of the
    board's `map_bytes` holds a strip of the input map, of `strip_bytes` at most and one row at
    least.

    Args:
        layers: Layer shapes, arrays of any one shape.
        board: The board.

    Returns:
        Whole numbers of at least 1, of the same shape.
    """
    if not board.map_bytes:
        return np.ones_like(layers.in_size)
    row = np.ceil(layers.in_channels / board.kp) * board.kp * layers.in_size
    room = board.map_bytes - np.ceil(layers.out_channels / board.kp) * board.kp * layers.out_size**2
    if board.strip_bytes:
        room = np.minimum(room, board.strip_bytes)
    return np.maximum(np.ceil(row * layers.in_size / np.maximum(np.maximum(room, row), 1)), 1)


def stored_slices(slices: NDArray[np.int64], board: Board) -> NDArray[np.int64]:
    """Slices as they lie in memory, in whole tiles where the board has them so.

    Args:
        slices: Leading (K, C, R*S), shape (..., 3).
        board: The board.

    Returns:
        The same with K as it is stored; their product is the bytes that they take.
    """
    if not board.weights_in_tiles:
        return slices
    stored = slices.copy()
    stored[..., 0] = -(-slices[..., 0] // board.kp) * board.kp
    return stored


def layer_work(layers: LayerArrays, board: Board) -> LayerWork:
    """Computes the work of every layer on `board`.

    Args:
        layers: Layer shapes, arrays of any one shape; unused entries zero.
        board: The board.

    Returns:
        The work per layer, arrays of the same shape; zero where unused.
    """
    size = layers.in_size + (2 * layers.padding if board.stream_padding else 0)
    steps, parts = np.ceil(size**2 / board.positions), strips(layers, board)
    sweep = board.cycles_per_position * steps / parts + board.cycles_per_sweep
    channels = layers.in_channels
    if board.stage_inputs:
        channels = np.ceil(channels / board.cp) * board.cp
    weights = layers.weight_bytes
    sweeps_k = np.ceil(layers.out_channels / board.kp)
    sweeps_taps = np.ceil(layers.kernel**2 / board.taps)
    depthwise = layers.weight_channels < layers.in_channels
    return LayerWork(
        sweep_cycles=np.where(layers.active, sweep, 0.0),
        sweeps_k=sweeps_k,
        sweeps_c=np.ceil(layers.weight_channels / input_channels_per_tile(layers.kernel, board)),
        sweeps_taps=sweeps_taps,
        input_reads=np.where(depthwise, 1, sweeps_k) * sweeps_taps,
        weight_bytes=weights,
        input_bytes=channels * layers.in_size**2,
        output_bytes=layers.out_channels * layers.out_size**2,
        strips=parts,
        stored=sweeps_k * board.kp / np.maximum(layers.out_channels, 1)
        if board.weights_in_tiles
        else np.ones_like(weights),
        macs=weights * layers.out_size**2,
    )


def resident_sweeps(layers: LayerArrays, held: Overlap, board: Board) -> Array:
    """Counts the sweeps whose weights the Persistent Buffer holds entirely.

    Args:
        layers: Layer shapes, arrays of shape (..., N).
        held: Resident leading slices, arrays of shape (..., N), within the layers' own.
        board: The board.

    Returns:
        Sweeps per layer, shape (..., N).
    """
    k, c, taps = held.out_channels, held.in_channels, held.taps
    per_tile = input_channels_per_tile(layers.kernel, board)
    whole_k = np.where(k == layers.out_channels, np.ceil(k / board.kp), np.floor(k / board.kp))
    whole_c = np.where(c == layers.weight_channels, np.ceil(c / per_tile), np.floor(c / per_tile))
    area = layers.kernel**2
    whole_taps = np.where(taps == area, np.ceil(area / board.taps), np.floor(taps / board.taps))
    return whole_k * whole_c * whole_taps


def layer_cycles(
    work: LayerWork,
    board: Board,
    resident_bytes: NDArray[np.int64] | Array,
    sweeps_resident: Array,
) -> Array:
    """Cycles of every layer, by the closed form of this module.

    Args:
        work: Work per layer, arrays of shape (..., N).
        board: The board.
        resident_bytes: Weight bytes the Persistent Buffer holds, broadcastable to (..., N).
        sweeps_resident: Sweeps it holds entirely, broadcastable to (..., N).

    Returns:
        Cycles, shape (..., N); zero for unused layers.
    """
    fetched = (work.weight_bytes - resident_bytes) * work.stored
    port = fetched / board.bytes_per_cycle  # of each strip
    S, r = work.sweep_cycles, sweeps_resident
    n = work.sweeps - r
    if board.double_buffered:
        burst = port / np.maximum(n, 1)
        array = np.maximum((r + n) * S, burst + n * S)
        array = np.maximum(array, np.where(n > 0, port + S, 0.0))
        depth = board.prefetch_sweeps
        array = np.maximum(array, np.where(n > depth, (r + 2) * S + (n - depth) * burst, 0.0))
    else:
        array = (r + n) * S + port
    array, port = array * work.strips, port * work.strips
    inputs = work.input_bytes / board.bytes_per_cycle
    traffic = port + work.output_bytes / board.bytes_per_cycle
    if board.maps_on_chip:
        cycles = array
    elif board.stage_inputs:
        cycles = inputs + np.maximum(array, traffic)
    else:
        cycles = np.maximum(array, traffic + inputs)
    cycles = cycles + board.map_cycles_per_byte * work.output_bytes
    if board.driver_overhead:
        cycles = cycles + board.driver_cycles
    return np.where(work.sweeps > 0, cycles, 0.0)


def offchip_bytes(work: LayerWork, board: Board, resident_bytes: Array) -> Array:
    """Bytes that cross the port per layer, the network's own input and output aside.

    Args:
        work: Work per layer, arrays of shape (..., N).
        board: The board.
        resident_bytes: Weight bytes in the Persistent Buffer, broadcastable to (..., N).

    Returns:
        Bytes, shape (..., N).
    """
    weights = (work.weight_bytes - resident_bytes) * work.stored * work.strips
    return weights if board.maps_on_chip else weights + work.input_bytes + work.output_bytes


def call_overhead_s(board: Board, io_bytes: Array, streamed_bytes: Array) -> NDArray[np.float64]:
    """What one inference takes besides its layers, seconds.

    Args:
        board: The board.
        io_bytes: Bytes of the network's input and output.
        streamed_bytes: Bytes of weights that it streams, broadcastable to `io_bytes`.

    Returns:
        The host's call, the start of a stream if there is one, and, where maps stay on chip
        (otherwise layers pay for them), the time to move input and output.
    """
    moved = io_bytes / board.io_rate if board.maps_on_chip else 0.0 * io_bytes
    return board.call_s + moved + np.where(streamed_bytes > 0, board.stream_s, 0.0)


def network_latency_s(work: LayerWork, board: Board) -> Array:
    """Time of whole networks' layers with nothing cached, seconds; the last axis is summed."""
    return layer_cycles(work, board, np.zeros(1), np.zeros(1)).sum(axis=-1) / board.clock_hz
