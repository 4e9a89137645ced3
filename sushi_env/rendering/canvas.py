"""A few strokes on a pygame surface: text, boxes and lines, in pixels."""

from typing import Literal

import numpy as np
from gymnasium.error import DependencyNotInstalled
from numpy.typing import NDArray

from sushi_accel.palette import GREY, INK, WHITE

Anchor = Literal["left", "centre", "right"]


def need_pygame() -> None:
    """Raises a clear error if the extra `render` is not installed."""
    try:
        import pygame  # noqa: F401
    except ModuleNotFoundError:
        raise DependencyNotInstalled(
            "rendering needs pygame-ce: pip install 'sushi-env[render]'"
        ) from None


class Canvas:
    """A white surface in memory, and pygame's own font, which is the same on every machine.

    Args:
        width: Width, pixels.
        height: Height, pixels.

    Attributes:
        width: Width, pixels.
        height: Height, pixels.
    """

    def __init__(self, width: int, height: int):
        need_pygame()
        import pygame

        pygame.font.init()
        self.width, self.height = width, height
        self._pygame = pygame
        self._fonts: dict[int, pygame.font.Font] = {}
        self.surface = pygame.Surface((width, height))

    def clear(self) -> None:
        """Makes everything white."""
        self.surface.fill(WHITE)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: int = 15,
        colour: str = INK,
        anchor: Anchor = "left",
    ) -> int:
        """Writes words whose top is at y, and returns their width, pixels."""
        if size not in self._fonts:
            self._fonts[size] = self._pygame.font.Font(None, size)
        picture = self._fonts[size].render(words, True, colour)
        shift = {"left": 0.0, "centre": 0.5, "right": 1.0}[anchor] * picture.get_width()
        self.surface.blit(picture, (round(x - shift), round(y)))
        return picture.get_width()

    def heading(self, x: float, y: float, name: str, rest: str) -> None:
        """Writes a name in black, and in grey what there is to say about it."""
        self.text(x + 8 + self.text(x, y, name, 20), y + 1, rest, 18, GREY)

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        fill: str | None = None,
        edge: str | None = None,
        radius: int = 0,
        edge_width: int = 1,
    ) -> None:
        """Draws a rectangle, filled, outlined or both."""
        draw = self._pygame.draw
        left, top = round(x), round(y)
        place = (left, top, round(x + width) - left, round(y + height) - top)
        if fill is not None:
            draw.rect(self.surface, fill, place, border_radius=radius)
        if edge is not None:
            draw.rect(self.surface, edge, place, edge_width, border_radius=radius)

    def line(
        self, x0: float, y0: float, x1: float, y1: float, colour: str = GREY, width: int = 1
    ) -> None:
        """Draws a straight line."""
        ends = (round(x0), round(y0)), (round(x1), round(y1))
        self._pygame.draw.line(self.surface, colour, *ends, width)

    def dashes(self, x0: float, x1: float, y: float, colour: str = GREY) -> None:
        """Draws a dashed horizontal line."""
        for x in range(round(x0), round(x1), 8):
            self.line(x, y, min(x + 4, round(x1)), y, colour)

    def cross(self, x: float, y: float, reach: float, colour: str, width: int = 2) -> None:
        """Draws a cross around a point."""
        self.line(x - reach, y - reach, x + reach, y + reach, colour, width)
        self.line(x - reach, y + reach, x + reach, y - reach, colour, width)

    def pixels(self) -> NDArray[np.uint8]:
        """The picture, uint8, shape (height, width, 3)."""
        array = self._pygame.surfarray.array3d(self.surface)
        return np.ascontiguousarray(array.transpose(1, 0, 2))
