"""SuperNets, the SubNets cut from them, and their shapes as arrays."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sushi_accel.errors import InputError
from sushi_accel.supernets.layer import ConvLayer


@dataclass(frozen=True)
class SubNet:
    """One network cut from a SuperNet.

    Attributes:
        name: Short name, unique within the SuperNet.
        top1: ImageNet top-1 accuracy, percent.
        image_size: Height and width of the input image, pixels.
        layers: The layers, in order of execution.
        output_bytes: Bytes of its result, int8, where they are known.
    """

    name: str
    top1: float
    image_size: int
    layers: tuple[ConvLayer, ...]
    output_bytes: int = 0

    @property
    def io_bytes(self) -> int:
        """Bytes of the int8 input image and of the result."""
        return self.image_size**2 * self.layers[0].in_channels + self.output_bytes

    @property
    def weight_bytes(self) -> int:
        """Bytes of all int8 convolution weights."""
        return sum(layer.weight_bytes for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of one inference."""
        return sum(layer.macs for layer in self.layers)


@dataclass(frozen=True)
class LayerArrays:
    """Shapes of layers as float64 arrays of one shape, as (S, N); unused slots are zero.

    float64 holds every count exactly (they stay far below 2**53) and keeps the timing model,
    which multiplies them by real constants, free of conversions.
    """

    out_channels: NDArray[np.float64]
    in_channels: NDArray[np.float64]
    weight_channels: NDArray[np.float64]
    kernel: NDArray[np.float64]
    padding: NDArray[np.float64]
    in_size: NDArray[np.float64]
    out_size: NDArray[np.float64]

    @classmethod
    def of(cls, layers: Sequence[ConvLayer]) -> "LayerArrays":
        """The shapes of a list of layers, arrays of shape (n,)."""
        names = cls.__dataclass_fields__
        return cls(**{f: np.array([getattr(x, f) for x in layers], dtype=float) for f in names})

    @property
    def weight_bytes(self) -> NDArray[np.float64]:
        """Bytes of int8 weights per layer."""
        return self.out_channels * self.weight_channels * self.kernel**2

    @property
    def active(self) -> NDArray[np.bool_]:
        """Which slots are used."""
        return self.out_channels > 0


@dataclass(frozen=True)
class SuperNet:
    """A weight-shared network: a sequence of elastic layers and the SubNets that are served.

    Attributes:
        name: Name of the SuperNet.
        num_slots: Number N of elastic layers.
        subnets: The SubNets, by increasing weight of computation.

    Raises:
        InputError: If a SubNet name repeats, or a layer's slot repeats or is out of range.
    """

    name: str
    num_slots: int
    subnets: tuple[SubNet, ...]

    def __post_init__(self) -> None:
        names = [subnet.name for subnet in self.subnets]
        if not names or len(set(names)) != len(names):
            raise InputError(f"SuperNet {self.name!r}: SubNet names must be unique, got {names}")
        for subnet in self.subnets:
            slots = [layer.slot for layer in subnet.layers]
            if len(set(slots)) != len(slots) or not all(0 <= s < self.num_slots for s in slots):
                raise InputError(
                    f"SuperNet {self.name!r}, SubNet {subnet.name!r}: each layer needs a slot of "
                    f"its own in 0..{self.num_slots - 1}, got {slots}"
                )

    @cached_property
    def layers(self) -> LayerArrays:
        """Shapes of every SubNet's layers, arrays of shape (S, N)."""
        fields = LayerArrays.__dataclass_fields__
        arrays = {f: np.zeros((len(self.subnets), self.num_slots)) for f in fields}
        for i, subnet in enumerate(self.subnets):
            for layer in subnet.layers:
                for f in fields:
                    arrays[f][i, layer.slot] = getattr(layer, f)
        return LayerArrays(**arrays)

    @cached_property
    def slices(self) -> NDArray[np.int64]:
        """Leading weight slices per SubNet and slot: (K, C, R*S), shape (S, N, 3)."""
        a = self.layers
        return np.stack([a.out_channels, a.weight_channels, a.kernel**2], axis=-1).astype(np.int64)


def independent_networks(name: str, networks: Sequence[SubNet]) -> SuperNet:
    """A SuperNet of networks that share nothing: their layers lie end to end.

    Args:
        name: Its name.
        networks: The networks; the slots of their layers are given anew.

    Returns:
        The SuperNet, its SubNets in the order given.

    Raises:
        InputError: As `SuperNet`.
    """
    slots = itertools.count()
    subnets = [
        replace(net, layers=tuple(replace(x, slot=next(slots)) for x in net.layers))
        for net in networks
    ]
    return SuperNet(name, next(slots), tuple(subnets))
