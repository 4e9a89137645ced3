"""Boards: the hardware parameters of SushiAccel, and the presets."""

from dataclasses import dataclass, fields

from sushi_accel.errors import InputError

TAPS = 9
"""Weights that one of SushiAccel's dot-product engines holds: a 3x3 kernel."""

KIB = 1024

SMALLEST, LARGEST = 1e-12, 1e24
"""Between them, and 0, lies every constant; so no product of them overflows."""


@dataclass(frozen=True)
class Board:
    """An accelerator: an array of dot-product engines, its buffers and its one port.

    What the last group of fields says is neutral by default: a board of SushiAccel's design, whose
    maps cross the port. On an Edge TPU they stay on chip, weights that are not cached come from
    the host, and every inference pays for a call.

    The energy constants default to the 45 nm figures of Horowitz, "Computing's energy problem",
    ISSCC 2014: DRAM 1.3 nJ per 64 bit (the lower of the published range, so that caching is not
    flattered), 1 MiB SRAM 100 pJ per 64 bit, int8 multiply 0.2 pJ plus add 0.03 pJ.

    Attributes:
        name: Name of the board.
        clock_hz: Clock of the array, hertz.
        kp: Output channels the array computes at once (rows of engines).
        cp: Input channels it reads at once (columns of engines), `taps` taps each.
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
        taps: Kernel taps one engine holds.
        positions: Input positions the array works on at once, each in a copy of the engines.
        weights_in_tiles: Whether weights are stored, and so streamed, in whole tiles of `kp`
            output channels.
        maps_on_chip: Whether feature maps stay on chip; only the network's own input and output
            then cross the port.
        map_cycles_per_byte: Cycles to write a byte of an output map on chip, after the sweeps.
        map_bytes: On-chip memory for maps, bytes; 0 if they always fit. A layer whose map does
            not fit beside a strip of it is computed strip by strip, and the weights that are not
            resident are sent again for each strip. See `sushi_accel.model.strips`.
        strip_bytes: Largest strip of a map, bytes; 0 if there is no limit.
        call_s: What the host needs for one inference, seconds.
        stream_s: What it needs besides if any weight is streamed, seconds.
        io_bytes_per_s: Rate at which the host moves the network's input and output; 0 means the
            off-chip bandwidth.
        reload_bytes_per_s: Rate at which a new SubGraph is loaded; 0 means the off-chip bandwidth.
        link: Which measured link the constants were fitted to, if any; see
            `sushi_accel.silicon.published`.

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
    taps: int = TAPS
    positions: int = 1
    weights_in_tiles: bool = False
    maps_on_chip: bool = False
    map_cycles_per_byte: float = 0.0
    map_bytes: int = 0
    strip_bytes: int = 0
    call_s: float = 0.0
    stream_s: float = 0.0
    io_bytes_per_s: float = 0.0
    reload_bytes_per_s: float = 0.0
    link: str = ""

    def __post_init__(self) -> None:
        if not self.name.isprintable() or not 1 <= len(self.name) <= 64:
            raise InputError(f"board name {self.name!r} must be 1 to 64 printable characters")
        if not self.link.isprintable() or len(self.link) > 64:
            raise InputError(f"board {self.name!r}: link {self.link!r} must be up to 64 characters")
        positive = {"clock_hz", "kp", "cp", "bandwidth_bytes_per_s", "cycles_per_position"}
        positive |= {"taps", "positions"}
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
        return self.kp * self.cp * self.taps

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
        return self.clock_hz * self.sweep_weight_bytes * self.positions

    @property
    def reload_rate(self) -> float:
        """Rate at which a SubGraph's bytes are loaded, bytes per second."""
        return self.reload_bytes_per_s or self.bandwidth_bytes_per_s

    @property
    def io_rate(self) -> float:
        """Rate at which the network's input and output move, bytes per second."""
        return self.io_bytes_per_s or self.bandwidth_bytes_per_s
