"""The colours of every picture, `#rrggbb`: told apart by colour-blind readers.

What is compared has a colour of Okabe and Ito's palette ("Color universal design", 2008), with a
deeper vermilion, which also stands for what is late or missed. Blue-greens stand for SubNets,
from light (small) to dark (large): ColorBrewer's YlGnBu, which keeps its order in greyscale.
Oranges stand for urgency: pale while a deadline is far, vermilion once it has passed. Grey is idle.
"""

from collections.abc import Sequence

WHITE, PAPER, PALE = "#ffffff", "#f6f7f9", "#e2e5ea"
EDGE, MIDDLE, GREY, INK = "#bec3cb", "#b0b8c4", "#707680", "#20242c"

BLUE, ORANGE, GREEN, MISS = "#0072b2", "#e69f00", "#009e73", "#d54600"
PINK, SKY = "#cc79a7", "#56b4e9"
SERIES = (BLUE, ORANGE, GREEN, MISS, PINK, SKY, INK)
"""Colours of what is compared, first to last."""

MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*")
"""Matplotlib's markers that go with them; there is one more, so that pairs come round late."""

_SUBNETS = ("#c7e9b4", "#7fcdbb", "#41b6c4", "#1d91c0", "#225ea8", "#0c2c84")
_URGENCY = ("#fff4e0", "#fdcd82", "#f7963c", MISS)


def rgb(colour: str) -> tuple[int, int, int]:
    """A colour's red, green and blue, 0 to 255 each."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def _along(ramp: Sequence[str], share: float) -> str:
    """The colour a share of the way along a ramp, 0 to 1, linear between its colours."""
    at = min(max(share, 0.0), 1.0) * (len(ramp) - 1)
    n = min(int(at), len(ramp) - 2)
    mixed = (
        round(a + (b - a) * (at - n)) for a, b in zip(rgb(ramp[n]), rgb(ramp[n + 1]), strict=True)
    )
    return f"#{bytes(mixed).hex()}"


def subnet_colour(subnet: int, num_subnets: int) -> str:
    """The colour of a SubNet: the larger, the darker."""
    return _along(_SUBNETS, subnet / max(num_subnets - 1, 1))


def urgency_colour(slack_s: float, slo_s: float) -> str:
    """The colour of a waiting query: the less of its SLO is left, the more orange."""
    return _along(_URGENCY, 1.0 if slack_s <= 0 else 0.85 * (1 - slack_s / slo_s))


def text_on(background: str) -> str:
    """Black or white, whichever reads better on a background."""
    red, green, blue = rgb(background)
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else WHITE
