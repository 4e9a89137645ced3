"""Measured layer latencies from a CSV file."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from sushi_accel.errors import InputError
from sushi_accel.files.reading import named
from sushi_accel.files.rows import read_rows
from sushi_accel.shown import shown
from sushi_accel.supernets.layer import ConvLayer
from sushi_accel.supernets.supernet import LayerArrays

MAX_FILE_BYTES = 64 * 1024**2
MAX_SHAPE = 2**20


def _whole(least: int, most: int = MAX_SHAPE) -> Any:
    return Field(ge=least, le=most, description=f"an integer in {least}..{most}")


Batch = Annotated[int, Field(ge=1, le=1, description="1: what one inference took")]
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
    batch: Batch = 1

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
        measured_us: Measured latencies, microseconds, shape (n,); NaN where not measured. Of
            layers measured more than once the mean.
        spread: Of each row measured more than once, by its number, the standard deviation over
            the mean.
    """

    subnets: tuple[str, ...]
    numbers: tuple[int, ...]
    layers: tuple[ConvLayer, ...]
    measured_us: NDArray[np.float64]
    spread: Mapping[int, float] = field(default_factory=dict)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which rows were measured, shape (n,)."""
        return np.isfinite(self.measured_us)

    @property
    def arrays(self) -> LayerArrays:
        """The layers' shapes, arrays of shape (n,)."""
        return LayerArrays.of(self.layers)

    def shapes(self, rows: NDArray[np.bool_]) -> int:
        """How many different layers there are among some rows, whatever their place."""
        return len({replace(self.layers[n], slot=0) for n in np.flatnonzero(rows)})

    def measured_networks(self) -> tuple[str, ...]:
        """Networks of which at least one layer was measured, in order of appearance."""
        return tuple(dict.fromkeys(s for s, k in zip(self.subnets, self.known, strict=True) if k))

    def rows_of(self, network: str) -> NDArray[np.bool_]:
        """The measured rows of a network, shape (n,)."""
        return self.known & np.array([subnet == network for subnet in self.subnets])


def load_measurements(path: str | Path) -> Measurements:
    """Reads a CSV with the columns `COLUMNS`, and optionally `depthwise` (0 or 1).

    Latencies are microseconds; an empty one means that the layer was not measured. Rows of the
    same network and layer are repeats. Networks are whatever the file calls them: shapes come
    with it. Further columns are ignored, but for `batch`, which must be 1.

    Raises:
        InputError: If the file is missing, too large, not such a CSV, or holds an impossible
            value; the message names the line.
    """
    where = named("measurements", path)
    layers: dict[tuple[str, int], ConvLayer] = {}
    measured: dict[tuple[str, int], list[float]] = {}
    for here, row in read_rows(path, where, _Row, MAX_FILE_BYTES):
        shape = {name: getattr(row, name) for name in SHAPE_COLUMNS}
        layer = ConvLayer(slot=row.layer, depthwise=row.depthwise == 1, **shape)
        if layer.depthwise and layer.in_channels != layer.out_channels:
            raise InputError(f"{here}: depthwise needs as many output as input channels")
        if layer.out_size < 1:
            raise InputError(f"{here}: a kernel of {layer.kernel} does not fit its input")
        key = row.subnet, row.layer
        if layers.setdefault(key, layer) != layer:
            raise InputError(f"{here}: layer {row.layer} of {shown(row.subnet)} had another shape")
        latencies = measured.setdefault(key, [])
        if row.measured_latency_us is not None:
            latencies.append(row.measured_latency_us)
    if not layers:
        raise InputError(f"{where}: holds no layers")
    found = Measurements(
        tuple(subnet for subnet, _ in layers),
        tuple(number for _, number in layers),
        tuple(layers.values()),
        np.array([np.mean(times) if times else math.nan for times in measured.values()]),
        {
            n: float(np.std(times, ddof=1) / np.mean(times))
            for n, times in enumerate(measured.values())
            if len(times) > 1
        },
    )
    if not found.known.any():
        raise InputError(f"{where}: no layer has a measured_latency_us")
    return found
