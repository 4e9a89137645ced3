"""The boards that come with the package, and where each of their constants is from."""

from dataclasses import replace

from sushi_accel.boards.board import Board

MIB = 1024**2

# Both ZCU104 presets explain the 52 convolutions (3x3, of A, C and E) that FEATHER's
# notebook times on silicon: their constants are what `calibration.calibrate` fits to them, to
# four digits. They differ in what they say about a cached byte, which those
# measurements cannot settle: see the folder's README.
ZCU104 = Board(
    name="zcu104",
    clock_hz=100e6,
    kp=16,
    cp=9,
    bandwidth_bytes_per_s=3.436e9,
    cycles_per_position=1.158,
    driver_cycles=9175.0,
)
ZCU104_OVERLAPPED = Board(
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
)
ALVEO_U50 = replace(ZCU104, name="alveo_u50", kp=32, cp=32, bandwidth_bytes_per_s=14.4e9)
PAPER_ROOFLINE = Board(
    name="paper_roofline",
    clock_hz=1e9,
    kp=16,
    cp=9,
    bandwidth_bytes_per_s=19.2e9,
    double_buffered=True,
)

# The Edge TPU's array: 480 MHz x 4,096 MACs is the 4 TOPS that Coral's data sheet states; 8 MiB of
# SRAM, of which 7.1 to 7.8 hold weights. Weights are stored in tiles of 64 output channels (the
# compiler's reported sizes say so to the hundredth of a MiB), and latency is proportional to a
# layer's input channels in units of 4: so 64 x 4 MACs in each of 16 copies. The six rates and times
# are what `streaming_calibration.calibrate_streaming` fits to all rows of `edgetpu_layers.csv`, to
# four digits; `strip_bytes` and `map_bytes` are the middle of the ranges (0.83 to 1.0, 3.38 to 3.42
# MiB) that give the whole numbers of strips, 3, 5 and 8, that its streamed convolutions show.
# Loading: 26.2 ms for two MobileNets in turn and 8.8 co-compiled, on the Dev Board, whose link is
# PCIe: 2.42 to 2.9 ms per MiB.
EDGETPU_PCIE = Board(
    name="edgetpu_pcie",
    clock_hz=480e6,
    kp=64,
    cp=4,
    bandwidth_bytes_per_s=3.884e8,
    pb_bytes=int(7.5 * MIB),
    cycles_per_position=1.531,
    taps=1,
    positions=16,
    weights_in_tiles=True,
    maps_on_chip=True,
    map_cycles_per_byte=0.406,
    map_bytes=int(3.4 * MIB),
    strip_bytes=int(0.9 * MIB),
    call_s=1.169e-4,
    stream_s=2.672e-4,
    io_bytes_per_s=1.810e8,
    reload_bytes_per_s=MIB / 2.66e-3,
    link="pcie",
)
# The same chip behind USB 3: bandwidth, call and start of a stream fitted to the rows of that link
# in `edgetpu_networks.csv` by the same function. Loading: the two MobileNets on an x86 host, 22.6
# against 7.4 ms, 2.1 to 2.5 ms per MiB; on the Pi 4 first less second inference, 3.26 [3.17, 3.35].
EDGETPU_USB = replace(
    EDGETPU_PCIE,
    name="edgetpu_usb",
    bandwidth_bytes_per_s=4.984e8,
    call_s=4.673e-4,
    stream_s=3.932e-4,
    reload_bytes_per_s=MIB / 2.3e-3,
    link="usb-x86",
)
EDGETPU_USB_PI4 = replace(
    EDGETPU_PCIE,
    name="edgetpu_usb_pi4",
    bandwidth_bytes_per_s=3.320e8,
    call_s=4.648e-4,
    stream_s=2.936e-5,
    reload_bytes_per_s=MIB / 3.26e-3,
    link="usb-pi4",
)

PRESETS = {
    board.name: board
    for board in (
        ZCU104,
        ZCU104_OVERLAPPED,
        ALVEO_U50,
        PAPER_ROOFLINE,
        EDGETPU_PCIE,
        EDGETPU_USB,
        EDGETPU_USB_PI4,
    )
}
