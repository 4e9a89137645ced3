"""Designs: preset boards with another Persistent Buffer, bandwidth or array, and their sweeps."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

from sushi_accel import Board
from sushi_accel.boards.board import KIB
from sushi_bench.paper.dedicated import Served, serve_each
from sushi_bench.paper.devices import DEVICES, URAM_BLOCK_BYTES, base_board, in_other_reading

PB_BLOCKS = (0, 12, 24, 36, 48, 60, 72, 84, 96, 144, 192, 240, 288, 336, 384, 480, 560, 640)
"""Persistent Buffers that are swept, UltraRAM blocks; the presets' is 48."""

BANDWIDTH_PARTS = (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Off-chip bandwidths, multiples of the preset's."""

ARRAYS = ((8, 9), (16, 9), (16, 18), (24, 16), (32, 18), (32, 32))
"""Arrays, rows and columns of engines."""

AXES: dict[str, Callable[[Board], float]] = {
    "persistent buffer, KiB": lambda board: board.pb_bytes / KIB,
    "off-chip bandwidth, GB/s": lambda board: board.bandwidth_bytes_per_s / 1e9,
    "array, engines": lambda board: board.kp * board.cp,
}
"""What designs differ in."""


@dataclass(frozen=True)
class Design:
    """A board for one SuperNet.

    Attributes:
        supernet: Name of the SuperNet.
        preset: Name of the preset board that it changes.
        board: The board.
    """

    supernet: str
    preset: str
    board: Board

    @property
    def _served(self) -> Served:
        return serve_each(self.supernet, self.board)

    @cached_property
    def saved_percent(self) -> float:
        """Most latency that any SubNet saves, percent."""
        return float(self._served.latency_saved.max())

    @cached_property
    def saved_in_other_reading_percent(self) -> float:
        """The same if the silicon is read the other way; see `devices`."""
        return float(serve_each(self.supernet, in_other_reading(self.board)).latency_saved.max())

    @property
    def best_subnet(self) -> str:
        """Name of the SubNet that saves most."""
        return self._served.names[int(self._served.latency_saved.argmax())]

    @property
    def is_default(self) -> bool:
        """Whether nothing is changed."""
        return self.board == base_board(self.preset)

    @property
    def slower(self) -> bool:
        """Whether it has less bandwidth than the preset, which makes caching look better."""
        return self.board.bandwidth_bytes_per_s < base_board(self.preset).bandwidth_bytes_per_s

    @property
    def octaves(self) -> float:
        """How far from the preset: doublings of buffer, bandwidth and array, summed."""
        before, after = base_board(self.preset), self.board
        return sum(
            abs(math.log2(max(new, 1) / old))
            for new, old in (
                (after.pb_bytes, before.pb_bytes),
                (after.bandwidth_bytes_per_s, before.bandwidth_bytes_per_s),
                (after.kp * after.cp, before.kp * before.cp),
            )
        )

    def describe(self) -> dict[str, Any]:
        """The design in plain data; `changed` names which of the three differ from the preset."""
        kib, gbs, _ = (value(self.board) for value in AXES.values())
        before, after = base_board(self.preset), self.board
        changed = {
            "persistent buffer": after.pb_bytes != before.pb_bytes,
            "bandwidth": after.bandwidth_bytes_per_s != before.bandwidth_bytes_per_s,
            "array": (after.kp, after.cp) != (before.kp, before.cp),
        }
        described = {
            "supernet": self.supernet,
            "board": self.preset,
            "pb_kib": kib,
            "bandwidth_gbs": gbs,
            "array": f"{after.kp}x{after.cp}",
            "changed": [name for name, differs in changed.items() if differs] or ["nothing"],
        }
        if device := DEVICES.get(self.preset):
            described |= {
                "device": device.name,
                "device_pb_kib": device.uram_blocks * URAM_BLOCK_BYTES / KIB,
                "device_bandwidth_gbs": device.bandwidth_bytes_per_s / 1e9,
                "device_source": device.source,
            }
        return described

    def __str__(self) -> str:
        kib, gbs, _ = (value(self.board) for value in AXES.values())
        return (
            f"{self.preset}, PB {kib:g} KiB, {gbs:.4g} GB/s, "
            f"{self.board.kp} x {self.board.cp} engines"
        )


def default_design(supernet: str, preset: str) -> Design:
    """A preset as it is."""
    return Design(supernet, preset, base_board(preset))


def _changed(preset: str, blocks: int | None, part: float, array: tuple[int, int] | None) -> Board:
    """A preset with another buffer, UltraRAM blocks, bandwidth, a multiple, and array."""
    board = base_board(preset)
    kp, cp = array or (board.kp, board.cp)
    return replace(
        board,
        pb_bytes=board.pb_bytes if blocks is None else blocks * URAM_BLOCK_BYTES,
        bandwidth_bytes_per_s=part * board.bandwidth_bytes_per_s,
        kp=kp,
        cp=cp,
    )


def sweeps(supernet: str, preset: str) -> dict[str, list[Design]]:
    """Designs that differ from a preset in one parameter, within the device's limits, by axis."""
    variants = (
        [_changed(preset, blocks, 1.0, None) for blocks in PB_BLOCKS],
        [_changed(preset, None, part, None) for part in BANDWIDTH_PARTS],
        [_changed(preset, None, 1.0, array) for array in ARRAYS],
    )
    return {
        axis: [Design(supernet, preset, b) for b in boards if DEVICES[preset].holds(b)]
        for axis, boards in zip(AXES, variants, strict=True)
    }


def plausible(supernet: str, preset: str) -> Iterator[Design]:
    """All designs within the device's limits that can save a larger share than the preset.

    Those have no smaller buffer or array and no more bandwidth.
    """
    default = base_board(preset)
    for blocks, part, array in product(PB_BLOCKS, BANDWIDTH_PARTS, ARRAYS):
        board = _changed(preset, blocks, part, array)
        enough = board.pb_bytes >= default.pb_bytes
        enough = enough and board.kp * board.cp >= default.kp * default.cp
        if enough and part <= 1 and DEVICES[preset].holds(board):
            yield Design(supernet, preset, board)


def nearest(
    designs: list[Design], target: float, value: Callable[[Design], float]
) -> Design | None:
    """The design nearest to its preset that reaches a target.

    Those that keep the preset's bandwidth come before those that lower it, as a starved board
    flatters every cache.

    Returns:
        The design; None if none reaches it.
    """
    reaching = [design for design in designs if value(design) >= target]
    return min(reaching, key=lambda d: (d.slower, d.octaves), default=None)
