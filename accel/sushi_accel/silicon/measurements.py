"""Measured layer latencies from a CSV file."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from sushi_accel.errors import InputError
from sushi_accel.files.reading import named
from sushi_accel.files.rows import read_rows
from sushi_accel.supernets.layer import ConvLayer
from sushi_accel.supernets.supernet import LayerArrays

MAX_FILE_BYTES = 64 * 1024**2
MAX_SHAPE = 2**20


def _whole(least: int, most: int = MAX_SHAPE) -> Any:
    return Field(ge=least, le=most, description=f"an integer in {least}..{most}")


_Number = Annotated[int, _whole(0)]
_Count = Annotated[int, _whole(1)]


class _Row(BaseModel):
    """A row of the file, by the names of its columns."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False, str_strip_whitespace=True)

    subnet: Annotated[str, Field(min_length=1, max_length=1000, description="a name")]
    layer: _Number
    out_channels: _Count
    in_channels: _Count
    kernel: _Count
    stride: _Count
    padding: _Number
    in_size: _Number
    # From a nanosecond to twelve days.
    measured_latency_us: Annotated[
        float | None, Field(ge=1e-3, le=1e12, description="a number in 0.001..1e+12, or empty")
    ]
    depthwise: Annotated[int, _whole(0, 1)] = 0

    @field_validator("measured_latency_us", mode="before")
    @classmethod
    def _empty(cls, text: Any) -> Any:
        return text if not isinstance(text, str) or text.strip() else None


COLUMNS = tuple(name for name, field in _Row.model_fields.items() if field.is_required())
SHAPE_COLUMNS = COLUMNS[2:-1]


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
    where = named("measurements", path)
    subnets, numbers, layers, measured = [], [], [], []
    for here, row in read_rows(path, where, _Row, MAX_FILE_BYTES):
        shape = {name: getattr(row, name) for name in SHAPE_COLUMNS}
        layer = ConvLayer(slot=row.layer, depthwise=row.depthwise == 1, **shape)
        if layer.depthwise and layer.in_channels != layer.out_channels:
            raise InputError(f"{here}: depthwise needs as many output as input channels")
        if layer.out_size < 1:
            raise InputError(f"{here}: a kernel of {layer.kernel} does not fit its input")
        subnets.append(row.subnet)
        numbers.append(row.layer)
        layers.append(layer)
        latency = row.measured_latency_us
        measured.append(math.nan if latency is None else latency)
    if not layers:
        raise InputError(f"{where}: holds no layers")
    found = Measurements(tuple(subnets), tuple(numbers), tuple(layers), np.array(measured))
    if not found.known.any():
        raise InputError(f"{where}: no layer has a measured_latency_us")
    return found
