"""Designs: preset boards with another Persistent Buffer, bandwidth or array, and their sweeps."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from sushi_accel import Board
from sushi_accel.boards.board import KIB
from sushi_bench.paper.dedicated import serve_each
from sushi_bench.paper.devices import DEVICES, URAM_BLOCK_BYTES
from sushi_bench.paper.readings import base_board, in_other_reading

PB_BLOCKS = (0, 12, 24, 36, 48, 60, 72, 84, 96, 144, 192, 240, 288, 336, 384, 480, 560, 640)
"""Persistent Buffers that are swept, UltraRAM blocks; the presets' is 48."""

BANDWIDTH_PARTS = (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Off-chip bandwidths, multiples of the preset's."""

ARRAYS = ((8, 9), (16, 9), (16, 18), (24, 16), (32, 18), (32, 32))
"""Arrays, rows and columns of engines."""


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

    @cached_property
    def saved_percent(self) -> float:
        """Most latency that any SubNet saves, percent."""
        return float(serve_each(self.supernet, self.board).latency_saved.max())

    @cached_property
    def saved_in_other_reading_percent(self) -> float:
        """The same if the silicon is read the other way; see `readings`."""
        return float(serve_each(self.supernet, in_other_reading(self.board)).latency_saved.max())

    @property
    def best_subnet(self) -> str:
        """Name of the SubNet that saves most."""
        served = serve_each(self.supernet, self.board)
        return served.names[int(served.latency_saved.argmax())]

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
        """The design in plain data."""
        device = DEVICES.get(self.preset)
        described = {
            "supernet": self.supernet,
            "board": self.preset,
            "pb_kib": self.board.pb_bytes / KIB,
            "bandwidth_gbs": self.board.bandwidth_bytes_per_s / 1e9,
            "array": f"{self.board.kp}x{self.board.cp}",
            "changed": self.changes() or ["nothing"],
        }
        if device:
            described |= {
                "device": device.name,
                "device_pb_kib": device.uram_blocks * URAM_BLOCK_BYTES / KIB,
                "device_bandwidth_gbs": device.bandwidth_bytes_per_s / 1e9,
                "device_source": device.source,
            }
        return described

    def changes(self) -> list[str]:
        """Which of the three differ from the preset's."""
        before, after = base_board(self.preset), self.board
        names = {
            "persistent buffer": after.pb_bytes != before.pb_bytes,
            "bandwidth": after.bandwidth_bytes_per_s != before.bandwidth_bytes_per_s,
            "array": (after.kp, after.cp) != (before.kp, before.cp),
        }
        return [name for name, changed in names.items() if changed]

    def __str__(self) -> str:
        return (
            f"{self.preset}, PB {self.board.pb_bytes // KIB} KiB, "
            f"{self.board.bandwidth_bytes_per_s / 1e9:.4g} GB/s, "
            f"{self.board.kp} x {self.board.cp} engines"
        )


def default_design(supernet: str, preset: str) -> Design:
    """A preset as it is."""
    return Design(supernet, preset, base_board(preset))


def _variants(preset: str) -> dict[str, list[tuple[float, Board]]]:
    """Boards along each axis, the others as in the preset, within the device's limits."""
    board, device = base_board(preset), DEVICES[preset]
    bandwidth = board.bandwidth_bytes_per_s
    axes = {
        "persistent buffer, KiB": [
            (b * URAM_BLOCK_BYTES / KIB, replace(board, pb_bytes=b * URAM_BLOCK_BYTES))
            for b in PB_BLOCKS
        ],
        "off-chip bandwidth, GB/s": [
            (p * bandwidth / 1e9, replace(board, bandwidth_bytes_per_s=p * bandwidth))
            for p in BANDWIDTH_PARTS
        ],
        "array, engines": [(kp * cp, replace(board, kp=kp, cp=cp)) for kp, cp in ARRAYS],
    }
    return {
        axis: [(value, variant) for value, variant in variants if device.holds(variant)]
        for axis, variants in axes.items()
    }


def sweeps(supernet: str, preset: str) -> dict[str, list[tuple[float, Design]]]:
    """Designs that differ from a preset in one parameter.

    Returns:
        By axis, the parameter's values and the designs.
    """
    return {
        axis: [(value, Design(supernet, preset, board)) for value, board in variants]
        for axis, variants in _variants(preset).items()
    }


def plausible(supernet: str, preset: str) -> Iterator[Design]:
    """All designs within the device's limits that can save a larger share than the preset.

    Those have no smaller buffer or array and no more bandwidth.
    """
    default, device = base_board(preset), DEVICES[preset]
    for blocks in PB_BLOCKS:
        for part in BANDWIDTH_PARTS:
            for kp, cp in ARRAYS:
                if blocks * URAM_BLOCK_BYTES < default.pb_bytes or part > 1:
                    continue
                if kp * cp < default.kp * default.cp:
                    continue
                board = replace(
                    default,
                    pb_bytes=blocks * URAM_BLOCK_BYTES,
                    bandwidth_bytes_per_s=part * default.bandwidth_bytes_per_s,
                    kp=kp,
                    cp=cp,
                )
                if device.holds(board):
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
