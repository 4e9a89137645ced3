"""The colours of every picture: told apart by colour-blind readers, and in greyscale.

Blue-greens stand for SubNets, from light (small) to dark (large): ColorBrewer's YlGnBu. Oranges
stand for urgency: pale while a deadline is far, vermilion once it has passed. Grey is idle.
"""

from collections.abc import Sequence

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
INK: Colour = (32, 36, 44)
GREY: Colour = (112, 118, 128)
MIDDLE: Colour = (176, 184, 196)
PALE: Colour = (226, 229, 234)
PAPER: Colour = (246, 247, 249)
MISS: Colour = (213, 70, 0)
MET: Colour = (34, 94, 168)

_SUBNETS: tuple[Colour, ...] = (
    (199, 233, 180),
    (127, 205, 187),
    (65, 182, 196),
    (29, 145, 192),
    (34, 94, 168),
    (12, 44, 132),
)
_URGENCY: tuple[Colour, ...] = ((255, 244, 224), (253, 205, 130), (247, 150, 60), MISS)


def _along(ramp: Sequence[Colour], share: float) -> Colour:
    """The colour a share of the way along a ramp, 0 to 1, linear between its colours."""
    at = min(max(share, 0.0), 1.0) * (len(ramp) - 1)
    n = min(int(at), len(ramp) - 2)
    rest = at - n
    red, green, blue = (
        round(a + (b - a) * rest) for a, b in zip(ramp[n], ramp[n + 1], strict=True)
    )
    return red, green, blue


def subnet_colour(subnet: int, num_subnets: int) -> Colour:
    """The colour of a SubNet: the larger, the darker."""
    return _along(_SUBNETS, subnet / max(num_subnets - 1, 1))


def urgency_colour(slack_s: float, slo_s: float) -> Colour:
    """The colour of a waiting query: the less of its SLO is left, the more orange."""
    return _along(_URGENCY, 1.0 if slack_s <= 0 else 0.85 * (1 - slack_s / slo_s))


def text_on(background: Colour) -> Colour:
    """Black or white, whichever reads better on a background."""
    red, green, blue = background
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else WHITE


def as_hex(colour: Colour) -> str:
    """A colour as `#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
