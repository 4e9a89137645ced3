"""OFA-MobileNetV3: elastic depth, expand ratio and kernel size, and seven SubNets A-G.

The SuperNet is Once-for-All's `ofa_mbv3_d234_e346_k357_w1.2` (Cai et al., ICLR 2020): a stem,
five stages of inverted residual blocks with depthwise convolutions, three of them with
squeeze-excite, a final expansion and a feature-mixing layer.

**The SubNets are reconstructed.** SUSHI (MLSys 2023) does not publish its seven layer by layer,
only that they weigh 2.97 to 4.74 MiB and share 2.90 MiB. The smallest network of this SuperNet
weighs 2.91 MiB, which is what identifies the width 1.2. The settings below were found by search
over stage-wise settings: weights and MACs rise evenly from A to G within OFA's published range,
B to G are nested, and A, deeper than they are where depth weighs little, shares with them
little more than the smallest network. Their top-1 is interpolated (see `interpolated_top1`).
"""

from dataclasses import dataclass

import numpy as np

from sushi_accel.supernets.layer import ConvLayer
from sushi_accel.supernets.ofa_channels import make_divisible
from sushi_accel.supernets.supernet import SubNet, SuperNet

WIDTH_MULTIPLIER = 1.2
STEM_CHANNELS = make_divisible(16 * WIDTH_MULTIPLIER)
STAGE_CHANNELS = tuple(make_divisible(c * WIDTH_MULTIPLIER) for c in (24, 40, 80, 112, 160))
STAGE_STRIDES = (2, 2, 2, 1, 2)
STAGE_SQUEEZE_EXCITE = (False, True, False, True, True)
STAGE_MAX_BLOCKS = 4
FINAL_CHANNELS = make_divisible(960 * WIDTH_MULTIPLIER)
MIX_CHANNELS = make_divisible(1280 * WIDTH_MULTIPLIER)
SQUEEZE_RATIO = 4
STEM_SLOTS = 3

# Published points of this family, (MMAC, top-1 %): OFA's Table 2 (230 M, fine-tuned for 75
# epochs) and its model table (389, 482 and 595 M).
PUBLISHED_TOP1 = ((230.0, 76.9), (389.0, 79.1), (482.0, 79.6), (595.0, 80.0))


@dataclass(frozen=True)
class MobileNetSettings:
    """What selects a SubNet; all blocks of a stage share expand ratio and kernel size.

    Attributes:
        depth: Active blocks, 2 to 4, for each of the five stages.
        expand: Expand ratio, 3, 4 or 6, per stage.
        kernel: Depthwise kernel size, 3, 5 or 7 pixels, per stage.
        image_size: Height and width of the input image, pixels.
    """

    depth: tuple[int, ...]
    expand: tuple[int, ...]
    kernel: tuple[int, ...]
    image_size: int = 224


def block_slots(stage: int) -> int:
    """Slots of one block: expand, depthwise, two of squeeze-excite if it has it, project."""
    return 5 if STAGE_SQUEEZE_EXCITE[stage] else 3


def mobilenetv3_layers(settings: MobileNetSettings) -> tuple[ConvLayer, ...]:
    """Generates the convolutions of the SubNet that `settings` selects.

    Squeeze-excite and the feature-mixing layer are 1x1 convolutions of a 1x1 map. The
    classifier is left out, as for ResNet50.

    Args:
        settings: Depth, expand ratio and kernel size of every stage.

    Returns:
        The layers in order of execution.
    """
    layers = [ConvLayer(0, STEM_CHANNELS, 3, 3, 2, 1, settings.image_size)]
    size = layers[-1].out_size
    layers.append(ConvLayer(1, STEM_CHANNELS, STEM_CHANNELS, 3, 1, 1, size, depthwise=True))
    layers.append(ConvLayer(2, STEM_CHANNELS, STEM_CHANNELS, 1, 1, 0, size))
    channels = STEM_CHANNELS
    stage_slot = STEM_SLOTS
    for stage, out in enumerate(STAGE_CHANNELS):
        kernel = settings.kernel[stage]
        for block in range(settings.depth[stage]):
            slot = stage_slot + block * block_slots(stage)
            mid = make_divisible(round(channels * settings.expand[stage]))
            stride = STAGE_STRIDES[stage] if block == 0 else 1
            depthwise = ConvLayer(
                slot + 1, mid, mid, kernel, stride, kernel // 2, size, depthwise=True
            )
            layers += [ConvLayer(slot, mid, channels, 1, 1, 0, size), depthwise]
            size = depthwise.out_size
            slot += 2
            if STAGE_SQUEEZE_EXCITE[stage]:
                squeezed = make_divisible(mid // SQUEEZE_RATIO)
                layers.append(ConvLayer(slot, squeezed, mid, 1, 1, 0, 1))
                layers.append(ConvLayer(slot + 1, mid, squeezed, 1, 1, 0, 1))
                slot += 2
            layers.append(ConvLayer(slot, out, mid, 1, 1, 0, size))
            channels = out
        stage_slot += STAGE_MAX_BLOCKS * block_slots(stage)
    layers.append(ConvLayer(stage_slot, FINAL_CHANNELS, channels, 1, 1, 0, size))
    layers.append(ConvLayer(stage_slot + 1, MIX_CHANNELS, FINAL_CHANNELS, 1, 1, 0, 1))
    return tuple(layers)


def interpolated_top1(macs: int) -> float:
    """Top-1, percent, of a SubNet of `macs`: linear in log MACs between OFA's published points.

    Rounded to two digits; it claims no more.
    """
    points, top1 = zip(*PUBLISHED_TOP1, strict=True)
    return round(float(np.interp(np.log(macs / 1e6), np.log(points), top1)), 2)


_SETTINGS = {
    "A": MobileNetSettings((2, 4, 2, 2, 2), (4, 3, 3, 3, 3), (3, 5, 3, 3, 3)),
    "B": MobileNetSettings((2, 2, 2, 2, 2), (4, 3, 4, 3, 4), (7, 5, 3, 7, 3)),
    "C": MobileNetSettings((2, 2, 3, 3, 2), (4, 3, 4, 3, 4), (7, 5, 3, 7, 3)),
    "D": MobileNetSettings((2, 2, 3, 3, 2), (4, 4, 4, 4, 4), (7, 5, 3, 7, 5)),
    "E": MobileNetSettings((2, 2, 3, 4, 2), (4, 4, 4, 4, 4), (7, 5, 3, 7, 5)),
    "F": MobileNetSettings((2, 2, 3, 3, 3), (6, 4, 4, 4, 4), (7, 7, 3, 7, 5)),
    "G": MobileNetSettings((2, 3, 4, 3, 3), (6, 4, 6, 4, 4), (7, 7, 3, 7, 7)),
}


def ofa_mobilenetv3() -> SuperNet:
    """Builds OFA-MobileNetV3 with seven reconstructed SubNets A (smallest) to G (largest)."""
    stage_slots = sum(STAGE_MAX_BLOCKS * block_slots(s) for s in range(len(STAGE_CHANNELS)))
    subnets = []
    for name, settings in _SETTINGS.items():
        layers = mobilenetv3_layers(settings)
        top1 = interpolated_top1(sum(layer.macs for layer in layers))
        subnets.append(SubNet(name, top1, settings.image_size, layers))
    return SuperNet("mobilenetv3", STEM_SLOTS + stage_slots + 2, tuple(subnets))
