"""Measured layer latencies from a CSV file."""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sushi_accel.errors import InputError
from sushi_accel.supernets.layer import ConvLayer
from sushi_accel.supernets.supernet import LayerArrays

MAX_FILE_BYTES = 64 * 1024**2
SHAPE_COLUMNS = ("out_channels", "in_channels", "kernel", "stride", "padding", "in_size")
COLUMNS = ("subnet", "layer", *SHAPE_COLUMNS, "measured_latency_us")
MAX_SHAPE = 2**20
LATENCIES_US = (1e-3, 1e12)
"""From a nanosecond to twelve days."""


@dataclass(frozen=True)
class Measurements:
    """Layers of one or more networks, and what they took on a board.

    Attributes:
        subnets: Name of each row's network, n of them.
        numbers: Number of each row's layer within its network.
        layers: The layers.
        measured_us: Measured latencies, microseconds, shape (n,); NaN where not measured.
    """

    subnets: tuple[str, ...]
    numbers: tuple[int, ...]
    layers: tuple[ConvLayer, ...]
    measured_us: NDArray[np.float64]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which rows were measured, shape (n,)."""
        return np.isfinite(self.measured_us)

    @property
    def arrays(self) -> LayerArrays:
        """The layers' shapes, arrays of shape (n,)."""
        return LayerArrays.of(self.layers)

    def measured_networks(self) -> tuple[str, ...]:
        """Networks of which at least one layer was measured, in order of appearance."""
        return tuple(dict.fromkeys(s for s, k in zip(self.subnets, self.known, strict=True) if k))

    def rows_of(self, network: str) -> NDArray[np.bool_]:
        """The measured rows of a network, shape (n,)."""
        return self.known & np.array([subnet == network for subnet in self.subnets])


def load_measurements(path: str | Path) -> Measurements:
    """Reads a CSV with the columns `COLUMNS`, and optionally `depthwise` (0 or 1).

    Latencies are microseconds; an empty one means that the layer was not measured. Networks
    are whatever the file calls them: shapes come with it. Further columns are ignored.

    Raises:
        InputError: If the file is missing, too large, not such a CSV, or holds an impossible
            value; the message names the line.
    """
    path = Path(path)
    where = f"measurements {path}"
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"{where}: larger than {MAX_FILE_BYTES} bytes")
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(_rows(csv.DictReader(file), where))
    except OSError as error:
        raise InputError(f"{where}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{where}: not a CSV file of UTF-8 text") from None
    if not rows:
        raise InputError(f"{where}: holds no layers")
    subnets, numbers, layers, measured = zip(*rows, strict=True)
    measurements = Measurements(subnets, numbers, layers, np.array(measured))
    if not measurements.known.any():
        raise InputError(f"{where}: no layer has a measured_latency_us")
    return measurements


def _rows(reader: csv.DictReader, where: str) -> Iterator[tuple[str, int, ConvLayer, float]]:
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise InputError(f"{where}: column {missing[0]!r} is missing; needed: {', '.join(COLUMNS)}")
    for row in reader:
        here = f"{where}, line {reader.line_num}"
        if None in row or None in row.values():
            raise InputError(f"{here}: has not as many fields as the header")
        if not row["subnet"].strip():
            raise InputError(f"{here}: subnet is empty")
        shape = {name: _integer(row[name], name, here) for name in SHAPE_COLUMNS}
        number = _integer(row["layer"], "layer", here)
        depthwise = _integer(row.get("depthwise") or "0", "depthwise", here, most=1) == 1
        if min(shape["out_channels"], shape["in_channels"], shape["kernel"], shape["stride"]) < 1:
            raise InputError(f"{here}: channels, kernel and stride must be at least 1")
        if depthwise and shape["in_channels"] != shape["out_channels"]:
            raise InputError(f"{here}: depthwise needs as many output as input channels")
        layer = ConvLayer(slot=number, depthwise=depthwise, **shape)
        if layer.out_size < 1:
            raise InputError(f"{here}: a kernel of {layer.kernel} does not fit its input")
        yield row["subnet"].strip(), number, layer, _latency(row["measured_latency_us"], here)


def _integer(text: str, name: str, where: str, most: int = MAX_SHAPE) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value <= most:
        raise InputError(f"{where}: {name} = {text[:40]!r}, must be an integer in 0..{most}")
    return value


def _latency(text: str, where: str) -> float:
    if not text.strip():
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    least, most = LATENCIES_US
    if not least <= value <= most:
        raise InputError(
            f"{where}: measured_latency_us = {text[:40]!r}, must be a number in "
            f"{least:g}..{most:g}, or empty"
        )
    return value
