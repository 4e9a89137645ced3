"""Measured sweeps: networks of one kind of layer in many sizes, some of it cached.

A row is one network: `layers` layers from `c_in` to `c_out` channels, all between them
`n_or_F` wide, what the vendor's compiler caches and streams of its weights, and the latency of an
inference with the cached weights on chip.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from sushi_accel.boards.board import Board
from sushi_accel.errors import InputError
from sushi_accel.files.reading import named
from sushi_accel.files.rows import read_rows
from sushi_accel.model.timing import call_overhead_s, layer_cycles, layer_work
from sushi_accel.silicon.measurements import Batch
from sushi_accel.supernets.layer import ConvLayer
from sushi_accel.supernets.supernet import LayerArrays, SubNet

MIB = 1024**2
MAX_ROWS = 100_000
MAX_FILE_BYTES = 64 * 1024**2

Count = Annotated[int, Field(ge=1, le=2**20)]
Mib = Annotated[float, Field(ge=0, le=2**20)]
Milliseconds = Annotated[float, Field(ge=1e-6, le=1e9)]


class _Row(BaseModel):
    """A row of the file, by the names of its columns."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False, str_strip_whitespace=True)

    kind: Literal["dense", "conv"]
    bus: str
    run: str
    n_or_F: Count  # noqa: N815
    layers: Annotated[int, Field(ge=2, le=1000)]
    in_h: Annotated[int, Field(ge=1, le=8192)]
    in_w: Annotated[int, Field(ge=1, le=8192)]
    c_in: Count
    c_out: Count
    kernel: Annotated[int, Field(ge=1, le=64)]
    weight_bytes: Annotated[int, Field(ge=1, le=2**50)]
    latency_ms: Milliseconds
    batch: Batch = 1
    off_chip_mib: Mib | None = None


COLUMNS = tuple(name for name, field in _Row.model_fields.items() if field.is_required())


@dataclass(frozen=True)
class Sweeps:
    """Networks of equal layers, n of them, and what they took.

    Attributes:
        kinds: `dense` or `conv`.
        buses: The link of each row, as the file calls it.
        runs: The sweep each row belongs to.
        networks: The networks.
        streamed_mib: MiB the compiler streams on every inference, shape (n,); NaN if not known.
        measured_ms: Latencies, milliseconds, shape (n,).
    """

    kinds: tuple[str, ...]
    buses: tuple[str, ...]
    runs: tuple[str, ...]
    networks: tuple[SubNet, ...]
    streamed_mib: NDArray[np.float64]
    measured_ms: NDArray[np.float64]

    def of(self, kind: str) -> NDArray[np.bool_]:
        """Rows of a kind of which it is known what is streamed, shape (n,)."""
        return np.array([k == kind for k in self.kinds]) & np.isfinite(self.streamed_mib)

    def subset(self, rows: NDArray[np.bool_]) -> "Sweeps":
        """Some of the rows."""
        keep = np.flatnonzero(rows)
        return Sweeps(
            kinds=tuple(self.kinds[n] for n in keep),
            buses=tuple(self.buses[n] for n in keep),
            runs=tuple(self.runs[n] for n in keep),
            networks=tuple(self.networks[n] for n in keep),
            streamed_mib=self.streamed_mib[rows],
            measured_ms=self.measured_ms[rows],
        )


def load_sweeps(path: str | Path) -> Sweeps:
    """Reads a CSV with the columns `COLUMNS` and `off_chip_mib`, latencies in milliseconds.

    An empty `off_chip_mib` means that it is not known; further columns are ignored.

    Raises:
        InputError: If the file is missing, too large, not such a CSV, or holds an impossible
            value; the message names the line.
    """
    where = named("measured layers", path)
    kinds, buses, runs, networks, streamed, measured = [], [], [], [], [], []
    for here, row in read_rows(path, where, _Row, MAX_FILE_BYTES):
        if len(kinds) == MAX_ROWS:
            raise InputError(f"{here}: more than {MAX_ROWS} rows")
        if row.in_h != row.in_w:
            raise InputError(f"{here}: in_h = {row.in_h}, in_w = {row.in_w}, must be equal")
        widths = [row.c_in, *[row.n_or_F] * (row.layers - 1), row.c_out]
        layers = tuple(
            ConvLayer(n, k, c, row.kernel, 1, row.kernel // 2, row.in_h)
            for n, (c, k) in enumerate(itertools.pairwise(widths))
        )
        output = row.c_out * layers[-1].out_size ** 2
        network = SubNet(f"{row.kind} {row.n_or_F}", 0.0, row.in_h, layers, output)
        if network.weight_bytes != row.weight_bytes:
            raise InputError(
                f"{here}: weight_bytes = {row.weight_bytes}, its layers have {network.weight_bytes}"
            )
        kinds.append(row.kind)
        buses.append(row.bus)
        runs.append(row.run)
        networks.append(network)
        streamed.append(np.nan if row.off_chip_mib is None else row.off_chip_mib)
        measured.append(row.latency_ms)
    if not kinds:
        raise InputError(f"{where}: holds no rows")
    lists = (tuple(kinds), tuple(buses), tuple(runs), tuple(networks))
    return Sweeps(*lists, np.array(streamed), np.array(measured))


def streamed_layers(stored_mib: NDArray[np.float64], streamed_mib: float) -> NDArray[np.bool_]:
    """Which layers the compiler streams: it caches whole ones.

    Args:
        stored_mib: What each layer's weights take, MiB, shape (N,); all but the first and the
            last are of one size.
        streamed_mib: How much is streamed.

    Returns:
        The set of whole layers nearest to it, shape (N,).
    """
    inner = len(stored_mib) - 2
    best, best_error = np.zeros(len(stored_mib), dtype=bool), streamed_mib
    for first, last in itertools.product((False, True), repeat=2):
        ends = stored_mib[0] * first + stored_mib[-1] * last
        size = stored_mib[1] if inner else 1.0
        count = int(np.clip(np.rint((streamed_mib - ends) / size), 0, inner))
        error = abs(ends + count * size - streamed_mib)
        if error < best_error - 1e-9:
            best = np.array([first, *[n >= inner - count for n in range(inner)], last])
            best_error = error
    return best


def predict_sweeps_ms(sweeps: Sweeps, board: Board) -> NDArray[np.float64]:
    """Latency of every row on a board with what the compiler cached on chip, milliseconds.

    Args:
        sweeps: The rows.
        board: The board.

    Returns:
        Milliseconds, shape (n,); NaN where it is not known what is streamed.
    """
    longest = max(len(network.layers) for network in sweeps.networks)
    unused = ConvLayer(0, 0, 0, 0, 1, 0, 0)
    padded = [[*net.layers, *[unused] * (longest - len(net.layers))] for net in sweeps.networks]
    each = [LayerArrays.of(layers) for layers in padded]
    names = LayerArrays.__dataclass_fields__
    layers = LayerArrays(**{f: np.stack([getattr(a, f) for a in each]) for f in names})
    work = layer_work(layers, board)  # arrays of shape (n, longest)
    streams = np.zeros(layers.in_size.shape, dtype=bool)
    for n, network in enumerate(sweeps.networks):
        count = len(network.layers)
        if np.isfinite(sweeps.streamed_mib[n]):
            stored = (work.weight_bytes * work.stored)[n, :count] / MIB
            streams[n, :count] = streamed_layers(stored, float(sweeps.streamed_mib[n]))
    resident = np.where(streams, 0.0, work.weight_bytes)
    cycles = layer_cycles(work, board, resident, np.where(streams, 0.0, work.sweeps))
    io_bytes = np.array([float(network.io_bytes) for network in sweeps.networks])
    streamed = (work.weight_bytes - resident).sum(axis=-1)
    seconds = cycles.sum(axis=-1) / board.clock_hz + call_overhead_s(board, io_bytes, streamed)
    return np.where(np.isfinite(sweeps.streamed_mib), 1e3 * seconds, np.nan)
