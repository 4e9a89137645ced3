"""The boards of plausible designs: what their chips have to give, and two readings of them.

The ZCU104's measurements are explained as well by an array that stops for weight fetches
(`zcu104`) as by one that does not (`zcu104-overlapped`); they disagree on what a cached byte
saves, and nothing measured decides between them. What is concluded about a board is therefore
computed in both readings.
"""

from dataclasses import dataclass, replace

from sushi_accel import Board, get_board
from sushi_accel.boards.board import KIB, TAPS

URAM_BLOCK_BYTES = 36 * KIB
"""One UltraRAM block: 288 Kib (AMD UG573)."""

MACS_PER_DSP = 2
"""int8 multiplications that one DSP48E2 slice packs (Fu et al., AMD WP486)."""

SUFFIX = "-overlapped"
TIMING = (
    "double_buffered",
    "stage_inputs",
    "stream_padding",
    "cycles_per_position",
    "cycles_per_sweep",
    "driver_cycles",
)
"""What the readings differ in, fields of `Board`."""


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


_CHIPS = {
    "zcu104": Device(
        name="XCZU7EV, 64-bit DDR4-2400",
        dsp_slices=1728,
        uram_blocks=96,
        bandwidth_bytes_per_s=19.2e9,
        source="AMD DS891 (Zynq UltraScale+ overview), UG1267 (ZCU104)",
    ),
    "alveo_u50": Device(
        name="XCU50, HBM2",
        dsp_slices=5952,
        uram_blocks=640,
        bandwidth_bytes_per_s=316e9,
        source="AMD DS965 (Alveo U50)",
    ),
}
DEVICES = {name + suffix: chip for name, chip in _CHIPS.items() for suffix in ("", SUFFIX)}
"""The chip of each board that is swept: two chips in two readings."""

SWEPT = tuple(DEVICES)


def in_other_reading(board: Board) -> Board:
    """A board with the timing of the reading that it is not in, at its own bandwidth."""
    timing = get_board("zcu104" if board.double_buffered else f"zcu104{SUFFIX}")
    return replace(board, **{name: getattr(timing, name) for name in TIMING})


_OVERLAPPED_U50 = replace(in_other_reading(get_board("alveo_u50")), name=f"alveo_u50{SUFFIX}")


def base_board(name: str) -> Board:
    """The preset called `name`, or `alveo_u50-overlapped`, which is `alveo_u50` read so."""
    return _OVERLAPPED_U50 if name == _OVERLAPPED_U50.name else get_board(name)
