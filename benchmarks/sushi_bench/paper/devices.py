"""What the chips behind the boards have to give: the limits of a plausible design."""

from dataclasses import dataclass

from sushi_accel import Board
from sushi_accel.boards.board import KIB, TAPS

URAM_BLOCK_BYTES = 36 * KIB
"""One UltraRAM block: 288 Kib (AMD UG573)."""

MACS_PER_DSP = 2
"""int8 multiplications that one DSP48E2 slice packs (Fu et al., AMD WP486)."""


@dataclass(frozen=True)
class Device:
    """A chip with its off-chip memory.

    Attributes:
        name: Name of the chip.
        dsp_slices: DSP slices.
        uram_blocks: UltraRAM blocks; a Persistent Buffer may take all of them, as the other
            buffers fit block RAM.
        bandwidth_bytes_per_s: Peak bandwidth of the board's memory, bytes per second.
        source: Where these figures stand.
    """

    name: str
    dsp_slices: int
    uram_blocks: int
    bandwidth_bytes_per_s: float
    source: str

    def holds(self, board: Board) -> bool:
        """Whether a board's array, Persistent Buffer and bandwidth are within the limits."""
        return (
            board.kp * board.cp * TAPS <= MACS_PER_DSP * self.dsp_slices
            and board.pb_bytes <= self.uram_blocks * URAM_BLOCK_BYTES
            and board.bandwidth_bytes_per_s <= self.bandwidth_bytes_per_s
        )


_ZCU104 = Device(
    name="XCZU7EV, 64-bit DDR4-2400",
    dsp_slices=1728,
    uram_blocks=96,
    bandwidth_bytes_per_s=19.2e9,
    source="AMD DS891 (Zynq UltraScale+ overview), UG1267 (ZCU104)",
)
_U50 = Device(
    name="XCU50, HBM2",
    dsp_slices=5952,
    uram_blocks=640,
    bandwidth_bytes_per_s=316e9,
    source="AMD DS965 (Alveo U50)",
)
DEVICES = {
    "zcu104": _ZCU104,
    "zcu104-overlapped": _ZCU104,
    "alveo_u50": _U50,
    "alveo_u50-overlapped": _U50,
}
"""The chip of each board that is swept."""
