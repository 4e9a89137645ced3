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
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sushi_accel.boards.board import TAPS, Board
from sushi_accel.supernets.subgraph import Overlap
from sushi_accel.supernets.supernet import LayerArrays

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LayerWork:
    """What a board has to do for each layer, whatever is cached; arrays of one common shape.

    Attributes:
        sweep_cycles: Cycles of one sweep, S.
        sweeps_k: Tiles of output channels.
        sweeps_c: Tiles of input channels.
        sweeps_taps: Sweeps per tile that the kernel needs.
        input_reads: How often the array reads the whole input map.
        weight_bytes: Bytes of all weights.
        input_bytes: Bytes of the input map as the port moves them.
        output_bytes: Bytes of the output map.
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
    macs: Array

    @property
    def sweeps(self) -> Array:
        """Sweeps of the layer."""
        return self.sweeps_k * self.sweeps_c * self.sweeps_taps


def input_channels_per_tile(kernel: Array, board: Board) -> Array:
    """Input channels one sweep covers: 1x1 kernels fold nine times more into the taps."""
    return np.where(kernel == 1, board.cp * TAPS, board.cp)


def layer_work(layers: LayerArrays, board: Board) -> LayerWork:
    """Computes the work of every layer on `board`.

    Args:
        layers: Layer shapes, arrays of any one shape; unused entries zero.
        board: The board.

    Returns:
        The work per layer, arrays of the same shape; zero where unused.
    """
    size = layers.in_size + (2 * layers.padding if board.stream_padding else 0)
    sweep = board.cycles_per_position * size**2 + board.cycles_per_sweep
    channels = layers.in_channels
    if board.stage_inputs:
        channels = np.ceil(channels / board.cp) * board.cp
    weights = layers.weight_bytes
    sweeps_k = np.ceil(layers.out_channels / board.kp)
    sweeps_taps = np.ceil(layers.kernel**2 / TAPS)
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
    whole_taps = np.where(taps == area, np.ceil(area / TAPS), np.floor(taps / TAPS))
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
    fetched = work.weight_bytes - resident_bytes
    port = fetched / board.bytes_per_cycle
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
    inputs = work.input_bytes / board.bytes_per_cycle
    traffic = port + work.output_bytes / board.bytes_per_cycle
    if board.stage_inputs:
        cycles = inputs + np.maximum(array, traffic)
    else:
        cycles = np.maximum(array, traffic + inputs)
    if board.driver_overhead:
        cycles = cycles + board.driver_cycles
    return np.where(work.sweeps > 0, cycles, 0.0)


def network_latency_s(work: LayerWork, board: Board) -> Array:
    """Latency of whole networks with nothing cached, seconds; the last axis is summed."""
    return layer_cycles(work, board, np.zeros(1), np.zeros(1)).sum(axis=-1) / board.clock_hz
