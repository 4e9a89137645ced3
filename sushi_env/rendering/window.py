"""The window of `render_mode="human"`."""

from sushi_env.rendering.canvas import Canvas


class Window:
    """A window that shows a canvas; pygame's display has one at a time.

    Args:
        canvas: What it shows.
        fps: Frames per second; `show` waits for the next one.
    """

    def __init__(self, canvas: Canvas, fps: float):
        import pygame

        self._pygame = pygame
        self._canvas = canvas
        self._fps = fps
        pygame.display.init()
        pygame.display.set_caption("sushi-env")
        self._screen = pygame.display.set_mode((canvas.width, canvas.height))
        self._clock = pygame.time.Clock()

    def show(self) -> None:
        """Shows the canvas as it is now."""
        self._screen.blit(self._canvas.surface, (0, 0))
        self._pygame.event.pump()
        self._clock.tick(self._fps)
        self._pygame.display.flip()

    def close(self) -> None:
        """Closes the window."""
        self._pygame.display.quit()
