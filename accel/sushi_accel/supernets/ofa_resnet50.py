"""OFA-ResNet50: elastic image size, width, depth and expand ratio, and the paper's SubNets A-F.

The SuperNet is Once-for-All's (Cai et al., ICLR 2020; github.com/mit-han-lab/once-for-all):
a three-convolution ResNet-D stem, four stages of bottleneck blocks, and average-pool
downsampling. SUSHI (MLSys 2023) serves six SubNets of it.
"""

from dataclasses import dataclass

from sushi_accel.supernets.layer import ConvLayer
from sushi_accel.supernets.ofa_channels import make_divisible
from sushi_accel.supernets.supernet import SubNet, SuperNet

WIDTH_MULTIPLIERS = (0.65, 0.8, 1.0)
EXPAND_RATIOS = (0.2, 0.25, 0.35)
STEM_CHANNELS = 64
STAGE_CHANNELS = (256, 512, 1024, 2048)
STAGE_MAX_BLOCKS = (4, 4, 6, 4)
STAGE_STRIDES = (1, 2, 2, 2)
STEM_SLOTS = 3


@dataclass(frozen=True)
class ResNetSettings:
    """What selects a SubNet, in Once-for-All's terms.

    Attributes:
        image_size: Height and width of the input image, pixels.
        extra_stem_conv: Whether the stem's optional middle convolution is active.
        stem_widths: Indices into `WIDTH_MULTIPLIERS` of the stem's middle and output channels.
        stage_widths: Indices into `WIDTH_MULTIPLIERS`, one per stage.
        expand: Expand ratio of every active block, one tuple per stage; its length is the depth.
    """

    image_size: int
    extra_stem_conv: bool
    stem_widths: tuple[int, int]
    stage_widths: tuple[int, int, int, int]
    expand: tuple[tuple[float, ...], ...]


def resnet50_layers(settings: ResNetSettings) -> tuple[ConvLayer, ...]:
    """Generates the convolutions of the SubNet that `settings` selects.

    Slots number the SuperNet's 61 convolutions in order of execution, the last blocks of a
    stage being the ones that a shallower SubNet skips. The stem fills its three slots from the
    front: without the optional convolution its output convolution takes slot 1, as in the
    measured layer list. The classifier is not a convolution and is left out, as there.

    Args:
        settings: Image size, widths, depths and expand ratios.

    Returns:
        The layers in order of execution.
    """
    stem_mid = make_divisible(
        make_divisible(STEM_CHANNELS * WIDTH_MULTIPLIERS[settings.stem_widths[0]]) // 2
    )
    stem_out = make_divisible(STEM_CHANNELS * WIDTH_MULTIPLIERS[settings.stem_widths[1]])
    size = settings.image_size
    layers = [ConvLayer(0, stem_mid, 3, 3, 2, 1, size)]
    size = layers[-1].out_size
    if settings.extra_stem_conv:
        layers.append(ConvLayer(1, stem_mid, stem_mid, 3, 1, 1, size))
    layers.append(ConvLayer(len(layers), stem_out, stem_mid, 3, 1, 1, size))

    size = (size + 2 - 3) // 2 + 1  # 3x3 max pooling, stride 2, padding 1
    channels = stem_out
    stage_slot = STEM_SLOTS
    for stage, ratios in enumerate(settings.expand):
        width = WIDTH_MULTIPLIERS[settings.stage_widths[stage]]
        out = make_divisible(STAGE_CHANNELS[stage] * width)
        slot = stage_slot
        for block, ratio in enumerate(ratios):
            stride = STAGE_STRIDES[stage] if block == 0 else 1
            mid = make_divisible(round(out * ratio))
            middle = ConvLayer(slot + 1, mid, mid, 3, stride, 1, size)
            layers += [
                ConvLayer(slot, mid, channels, 1, 1, 0, size),
                middle,
                ConvLayer(slot + 2, out, mid, 1, 1, 0, middle.out_size),
            ]
            slot += 3
            if block == 0:  # the shortcut: average pooling, then a 1x1 convolution
                layers.append(ConvLayer(slot, out, channels, 1, 1, 0, middle.out_size))
                slot += 1
            size = middle.out_size
            channels = out
        stage_slot += 3 * STAGE_MAX_BLOCKS[stage] + 1
    return tuple(layers)


# Widths, depths and expand ratios reproduce, layer by layer, the shapes published with the
# measured latencies (FEATHER, ISCA 2024, End2end_Deployment/feather.ipynb at f854286). Image
# sizes and top-1 are those of Once-for-All's model table for its 0.6 to 4.1 GMAC ResNet50s.
_SETTINGS: dict[str, tuple[float, ResNetSettings]] = {
    "A": (
        75.0,
        ResNetSettings(
            image_size=160,
            extra_stem_conv=False,
            stem_widths=(0, 0),
            stage_widths=(0, 0, 0, 1),
            expand=((0.2, 0.2), (0.2, 0.2), (0.2, 0.2, 0.2, 0.25, 0.2), (0.2, 0.25)),
        ),
    ),
    "B": (
        76.3,
        ResNetSettings(
            image_size=160,
            extra_stem_conv=False,
            stem_widths=(0, 2),
            stage_widths=(0, 0, 1, 1),
            expand=(
                (0.2, 0.25),
                (0.2, 0.25, 0.2),
                (0.2, 0.2, 0.25, 0.2, 0.2),
                (0.25, 0.25, 0.25),
            ),
        ),
    ),
    "C": (
        78.3,
        ResNetSettings(
            image_size=192,
            extra_stem_conv=False,
            stem_widths=(0, 2),
            stage_widths=(0, 0, 1, 2),
            expand=(
                (0.25, 0.25, 0.2, 0.2),
                (0.25, 0.25, 0.25, 0.2),
                (0.2, 0.25, 0.25, 0.25, 0.25),
                (0.25, 0.25, 0.25),
            ),
        ),
    ),
    "D": (
        79.0,
        ResNetSettings(
            image_size=192,
            extra_stem_conv=True,
            stem_widths=(0, 2),
            stage_widths=(0, 0, 2, 2),
            expand=(
                (0.25, 0.25, 0.25, 0.25),
                (0.35, 0.25, 0.25, 0.2),
                (0.2, 0.2, 0.25, 0.25, 0.2),
                (0.25, 0.35, 0.25, 0.2),
            ),
        ),
    ),
    "E": (
        79.7,
        ResNetSettings(
            image_size=224,
            extra_stem_conv=True,
            stem_widths=(0, 2),
            stage_widths=(0, 1, 2, 1),
            expand=(
                (0.25, 0.35, 0.25, 0.2),
                (0.25, 0.25, 0.25, 0.25),
                (0.25, 0.2, 0.35, 0.25, 0.25, 0.2),
                (0.35, 0.35, 0.25, 0.25),
            ),
        ),
    ),
    "F": (
        79.8,
        ResNetSettings(
            image_size=224,
            extra_stem_conv=True,
            stem_widths=(0, 2),
            stage_widths=(0, 2, 2, 2),
            expand=(
                (0.25, 0.25, 0.25, 0.35),
                (0.2, 0.25, 0.2, 0.35),
                (0.25, 0.25, 0.25, 0.2, 0.2, 0.2),
                (0.25, 0.25, 0.35, 0.2),
            ),
        ),
    ),
}


def ofa_resnet50() -> SuperNet:
    """Builds OFA-ResNet50 with the paper's six SubNets A (smallest) to F (largest)."""
    num_slots = STEM_SLOTS + sum(3 * blocks + 1 for blocks in STAGE_MAX_BLOCKS)
    return SuperNet(
        name="resnet50",
        num_slots=num_slots,
        subnets=tuple(
            SubNet(name, top1, settings.image_size, resnet50_layers(settings))
            for name, (top1, settings) in _SETTINGS.items()
        ),
    )
