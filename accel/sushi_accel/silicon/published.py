"""Measured latencies of published networks whose layers are not known.

A row is one network: its family (one architecture, pruned to several degrees), bus and host, how
much of its weights the compiler streams, and its latency. As the layers are not known, what the
array takes is one constant per family, of its widest network. It shrinks with the channels that
pruning leaves: as the square root of the MACs that are left, as these go with the product of two
widths while maps, and tiles that are not full, go with one; of the weights where MACs are not
known; and it is the same for all of a family of which neither is. On the cached networks of the
seven families timed on a Raspberry Pi 4 that leaves a mean error of 5 %, a constant that does not
shrink 17 %, and one that shrinks with the MACs 7 %.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from sushi_accel.boards.board import Board
from sushi_accel.errors import InputError
from sushi_accel.files.reading import named
from sushi_accel.files.rows import read_rows
from sushi_accel.silicon.measurements import Batch
from sushi_accel.silicon.sweeps import MAX_FILE_BYTES, MAX_ROWS, MIB, Mib, Milliseconds

Percent = Annotated[float, Field(ge=0, lt=100)]


class _Row(BaseModel):
    """A row of the file, by the names of its columns."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False, str_strip_whitespace=True)

    network: Annotated[str, Field(min_length=1, max_length=200)]
    family: Annotated[str, Field(min_length=1, max_length=200)]
    bus: str
    host: str
    latency_ms: Milliseconds
    batch: Batch = 1
    on_chip_mib: Mib | None = None
    off_chip_mib: Mib | None = None
    macs: Annotated[float, Field(ge=1, le=1e18)] | None = None
    mac_reduction_pct: Percent | None = None
    cpu_ops: Annotated[int, Field(ge=0, le=10**6)] | None = None


COLUMNS = tuple(name for name, field in _Row.model_fields.items() if field.is_required())


def link_of(bus: str, host: str) -> str:
    """The link that a board's `link` names; empty where none of the presets is of it.

    `pcie` is an accelerator card; a board that has the chip soldered on is not taken for one.
    """
    if bus == "pcie" and "Dev Board" not in host:
        return "pcie"
    if bus == "usb" and host.startswith("Raspberry Pi 4 +"):
        return "usb-pi4"
    if bus == "usb" and any(word in host for word in ("x86", "AMD", "Intel", "Xeon")):
        return "usb-x86"
    return ""


@dataclass(frozen=True)
class Published:
    """Published networks, n of them, and what they took.

    Attributes:
        names: Names of the networks.
        families: The architecture each is a version of.
        hosts: What they were timed on.
        links: Which link that is, by `link_of`.
        streamed_mib: MiB streamed on every inference, shape (n,); NaN if not known.
        width: What is left of the family's width, 0 to 1, shape (n,).
        on_host: Whether some of its operations run on the host, shape (n,).
        measured_ms: Latencies, milliseconds, shape (n,).
    """

    names: tuple[str, ...]
    families: tuple[str, ...]
    hosts: tuple[str, ...]
    links: tuple[str, ...]
    streamed_mib: NDArray[np.float64]
    width: NDArray[np.float64]
    on_host: NDArray[np.bool_]
    measured_ms: NDArray[np.float64]

    def judged(self, link: str) -> NDArray[np.bool_]:
        """Rows of a link that run on the chip and of which it is known what is streamed."""
        ours = np.array([each == link for each in self.links], dtype=bool)
        return ours & np.isfinite(self.streamed_mib) & ~self.on_host

    def groups(self, link: str) -> dict[str, NDArray[np.bool_]]:
        """The judged rows of a link by family."""
        rows = self.judged(link)
        names = np.array(self.families, dtype=object)
        return {name: rows & (names == name) for name in dict.fromkeys(names[rows])}


def load_published(path: str | Path) -> Published:
    """Reads a CSV with the columns `COLUMNS`, and what is known of `off_chip_mib` and the rest.

    Raises:
        InputError: If the file is missing, too large, not such a CSV, or holds an impossible
            value; the message names the line.
    """
    where = named("measured networks", path)
    rows = []
    for here, row in read_rows(path, where, _Row, MAX_FILE_BYTES):
        if len(rows) == MAX_ROWS:
            raise InputError(f"{here}: more than {MAX_ROWS} rows")
        rows.append(row)
    if not rows:
        raise InputError(f"{where}: holds no rows")
    return Published(
        names=tuple(row.network for row in rows),
        families=tuple(row.family for row in rows),
        hosts=tuple(row.host for row in rows),
        links=tuple(link_of(row.bus, row.host) for row in rows),
        streamed_mib=_floats([row.off_chip_mib for row in rows]),
        width=np.sqrt(_shares(rows)),
        on_host=np.array([bool(row.cpu_ops) for row in rows]),
        measured_ms=np.array([row.latency_ms for row in rows]),
    )


def _floats(values: list) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def _shares(rows: list[_Row]) -> NDArray[np.float64]:
    """What each row has of its family's work, by what is known of the whole family."""
    left = 1 - _floats([row.mac_reduction_pct for row in rows]) / 100
    weights = _floats([row.on_chip_mib for row in rows])
    weights = weights + _floats([row.off_chip_mib for row in rows])
    known = (left, _floats([row.macs for row in rows]), weights)
    families = np.array([row.family for row in rows], dtype=object)
    shares = np.ones(len(rows))
    for family in dict.fromkeys(families):
        mine = families == family
        for values in known:
            if np.isfinite(values[mine]).all() and values[mine].max() > 0:
                top = 1.0 if values is left else values[mine].max()
                shares[mine] = values[mine] / top
                break
    return shares


def host_and_bus_ms(published: Published, board: Board) -> NDArray[np.float64]:
    """What call, stream and bus take of every row, milliseconds, shape (n,)."""
    streamed = published.streamed_mib
    bus = streamed * MIB / board.bandwidth_bytes_per_s
    return 1e3 * (board.call_s + np.where(streamed > 0, board.stream_s, 0.0) + bus)


def family_ms(
    fixed: NDArray[np.float64], width: NDArray[np.float64], measured: NDArray[np.float64]
) -> float:
    """The constant of one family, milliseconds: the least squares of relative errors.

    Args:
        fixed: What call, stream and bus take of each row, milliseconds.
        width: Each row's width.
        measured: Its latency, milliseconds.

    Returns:
        What the array takes of the family's widest network; at least 0.
    """
    slope, wanted = width / measured, 1 - fixed / measured
    return max(0.0, float(slope @ wanted) / max(float(slope @ slope), 1e-300))
