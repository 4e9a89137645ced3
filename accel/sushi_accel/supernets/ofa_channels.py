"""Once-for-All's rule for channel counts, which all its SuperNets share."""

CHANNEL_DIVISOR = 8


def make_divisible(channels: float, divisor: int = CHANNEL_DIVISOR) -> int:
    """Rounds a channel count to a multiple of `divisor`, never below 90 % of it (OFA's rule)."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded
