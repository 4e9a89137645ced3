"""Boards: the hardware parameters of SushiAccel, and the presets."""

from dataclasses import dataclass, fields

from sushi_accel.errors import InputError

TAPS = 9
"""Weights that one dot-product engine holds: a 3x3 kernel (SushiAccel's design)."""

KIB = 1024

SMALLEST, LARGEST = 1e-12, 1e24
"""Between them, and 0, lies every constant; so no product of them overflows."""


@dataclass(frozen=True)
class Board:
    """One SushiAccel instance: an array of dot-product engines, its buffers and its one port.

    The energy constants default to the 45 nm figures of Horowitz, "Computing's energy problem",
    ISSCC 2014: DRAM 1.3 nJ per 64 bit (the lower of the published range, so that caching is not
    flattered), 1 MiB SRAM 100 pJ per 64 bit, int8 multiply 0.2 pJ plus add 0.03 pJ.

    Attributes:
        name: Name of the board.
        clock_hz: Clock of the array, hertz.
        kp: Output channels the array computes at once (rows of engines).
        cp: Input channels it reads at once (columns of engines), nine taps each.
        bandwidth_bytes_per_s: Off-chip bandwidth of the one port, bytes per second.
        pb_bytes: Persistent Buffer, which holds the cached SubGraph, bytes.
        db_bytes: Dynamic buffer, which the streamed weights pass through, bytes.
        double_buffered: Whether the dynamic buffer fetches weights while the array computes.
            If not, every fetch stops the array.
        stage_inputs: Whether a layer's input map is fetched before its first sweep, in groups
            of `cp` channels. If not, maps move while the array computes.
        stream_padding: Whether the line buffer streams the zero padding as well.
        cycles_per_position: Cycles the array takes per streamed input position.
        cycles_per_sweep: Cycles to fill and drain the array once per sweep.
        driver_cycles: Cycles of the measured driver's call per layer.
        driver_overhead: Whether that call is paid: on when validating against measurements
            taken through the driver, off for serving.
        offchip_j_per_byte: Energy of one off-chip byte, joules.
        onchip_j_per_byte: Energy of one byte moved on chip, joules.
        j_per_mac: Energy of one int8 multiply-accumulate, joules.

    Raises:
        InputError: If a value is not finite, out of range, or the dynamic buffer cannot hold
            the weights of one sweep (two if double-buffered).
    """

    name: str
    clock_hz: float
    kp: int
    cp: int
    bandwidth_bytes_per_s: float
    pb_bytes: int = 1728 * KIB
    db_bytes: int = 256 * KIB
    double_buffered: bool = False
    stage_inputs: bool = False
    stream_padding: bool = False
    cycles_per_position: float = 1.0
    cycles_per_sweep: float = 0.0
    driver_cycles: float = 0.0
    driver_overhead: bool = False
    offchip_j_per_byte: float = 162.5e-12
    onchip_j_per_byte: float = 12.5e-12
    j_per_mac: float = 0.23e-12

    def __post_init__(self) -> None:
        if not self.name.isprintable() or not 1 <= len(self.name) <= 64:
            raise InputError(f"board name {self.name!r} must be 1 to 64 printable characters")
        positive = {"clock_hz", "kp", "cp", "bandwidth_bytes_per_s", "cycles_per_position"}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, (str, bool)):
                continue
            strict = field.name in positive
            largest = 2**53 if isinstance(value, int) else LARGEST
            if not (SMALLEST if strict else 0) <= value <= largest:
                raise InputError(
                    f"board {self.name!r}: {field.name} = {value!r}, must be finite and "
                    f"{'above' if strict else 'at least'} 0 (at most {largest:g})"
                )
        needed = self.sweep_weight_bytes * (2 if self.double_buffered else 1)
        if self.db_bytes < needed:
            raise InputError(
                f"board {self.name!r}: db_bytes = {self.db_bytes}, must be at least {needed}, "
                f"the weights of {'two sweeps' if self.double_buffered else 'one sweep'}"
            )

    @property
    def sweep_weight_bytes(self) -> int:
        """Weights the array holds during one sweep, bytes."""
        return self.kp * self.cp * TAPS

    @property
    def prefetch_sweeps(self) -> int:
        """Sweeps whose weights fit the dynamic buffer at once, the running one included."""
        return self.db_bytes // self.sweep_weight_bytes

    @property
    def bytes_per_cycle(self) -> float:
        """Off-chip bandwidth, bytes per cycle."""
        return self.bandwidth_bytes_per_s / self.clock_hz

    @property
    def macs_per_s(self) -> float:
        """Peak throughput of the array, MAC/s."""
        return self.clock_hz * self.sweep_weight_bytes


# Both ZCU104 presets explain the 52 convolutions (3x3, of A, C and E) that FEATHER's
# notebook times on silicon: their constants are what `calibration.calibrate` fits to them, to
# four digits. They differ in what they say about a cached byte, which those
# measurements cannot settle: see the folder's README.
PRESETS = {
    board.name: board
    for board in (
        Board(
            name="zcu104",
            clock_hz=100e6,
            kp=16,
            cp=9,
            bandwidth_bytes_per_s=3.436e9,
            cycles_per_position=1.158,
            driver_cycles=9175.0,
        ),
        Board(
            name="zcu104-overlapped",
            clock_hz=100e6,
            kp=16,
            cp=9,
            bandwidth_bytes_per_s=1.821e9,
            double_buffered=True,
            stage_inputs=True,
            stream_padding=True,
            cycles_per_position=0.977,
            cycles_per_sweep=14.95,
            driver_cycles=7089.0,
        ),
        Board(
            name="alveo_u50",
            clock_hz=100e6,
            kp=32,
            cp=32,
            bandwidth_bytes_per_s=14.4e9,
            cycles_per_position=1.158,
            driver_cycles=9175.0,
        ),
        Board(
            name="paper_roofline",
            clock_hz=1e9,
            kp=16,
            cp=9,
            bandwidth_bytes_per_s=19.2e9,
            double_buffered=True,
        ),
    )
}
