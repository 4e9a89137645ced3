"""One convolution of a SubNet, and what follows from its shape."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConvLayer:
    """One convolution as a SubNet runs it.

    Feature maps and kernels are square; weights and activations are int8, one byte each.

    Attributes:
        slot: Index of the SuperNet layer this one is cut from.
        out_channels: Active output channels K.
        in_channels: Active input channels C of the feature map.
        kernel: Kernel size R = S, pixels.
        stride: Stride, pixels.
        padding: Zero padding on each side, pixels.
        in_size: Height and width of the input map, pixels.
        depthwise: Whether each output channel reads one input channel only.
    """

    slot: int
    out_channels: int
    in_channels: int
    kernel: int
    stride: int
    padding: int
    in_size: int
    depthwise: bool = False

    @property
    def out_size(self) -> int:
        """Height and width of the output map, pixels."""
        return (self.in_size + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def weight_channels(self) -> int:
        """Input channels per output channel in the weight tensor: C, or 1 if depthwise."""
        return 1 if self.depthwise else self.in_channels

    @property
    def weight_bytes(self) -> int:
        """Bytes of the int8 weights."""
        return self.out_channels * self.weight_channels * self.kernel**2

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations."""
        return self.weight_bytes * self.out_size**2
