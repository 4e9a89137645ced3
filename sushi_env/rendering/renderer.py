"""Gymnasium's `render_mode`: what an environment that is watched keeps, and what it shows."""

from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from sushi_env.engine.engine import Engine
from sushi_env.rendering.moment import Moment
from sushi_env.rendering.record import RECENT, EpisodeRecord

if TYPE_CHECKING:
    from sushi_env.rendering.ansi_painter import AnsiPainter
    from sushi_env.rendering.pygame_painter import PygamePainter
    from sushi_env.rendering.window import Window

RENDER_MODES = ("human", "rgb_array", "ansi")
RENDER_FPS = 10
"""Decisions per second in a window or a video."""


class Renderer:
    """Watches one environment of an engine; painters are made when first needed.

    Args:
        engine: The engine.
        mode: One of `RENDER_MODES`.
        row: Which environment.
    """

    def __init__(self, engine: Engine, mode: str, row: int = 0):
        self._engine = engine
        self._mode = mode
        self._row = row
        self._record: EpisodeRecord | None = None
        self._painter: PygamePainter | None = None
        self._text: AnsiPainter | None = None
        self._window: Window | None = None

    def __getstate__(self) -> dict[str, Any]:
        # A copy paints on surfaces of its own, and opens a window of its own.
        return {**vars(self), "_painter": None, "_text": None, "_window": None}

    def begin(self) -> None:
        """Starts over: an episode has begun."""
        self._record = EpisodeRecord(self._engine, self._row, keep=RECENT)
        self._follow()

    def note(self, subnet: int, subgraph: int) -> None:
        """Adds the step that the engine has just made."""
        assert self._record is not None
        self._record.note(subnet, subgraph)
        self._follow()

    def _follow(self) -> None:
        if self._mode == "human":
            self.render()

    def render(self) -> NDArray[np.uint8] | str | None:
        """The episode now: pixels, text, or a frame in the window and None.

        Raises:
            gymnasium.error.ResetNeeded: If no episode was begun.
            gymnasium.error.DependencyNotInstalled: If the extra `render` is missing.
        """
        if self._mode == "ansi":
            return self._words()
        pixels = self.pixels()
        if self._mode == "rgb_array":
            return pixels
        if self._window is None:
            from sushi_env.rendering.window import Window

            assert self._painter is not None
            self._window = Window(self._painter.canvas, RENDER_FPS)
        self._window.show()
        return None

    def pixels(self) -> NDArray[np.uint8]:
        """The episode now, uint8, shape (height, width, 3); raises as `render` does."""
        moment = self._moment()
        if self._painter is None:
            from sushi_env.rendering.pygame_painter import PygamePainter

            self._painter = PygamePainter(self._engine.problem)
        return self._painter.paint(moment)

    def _words(self) -> str:
        moment = self._moment()
        if self._text is None:
            from sushi_env.rendering.ansi_painter import AnsiPainter

            self._text = AnsiPainter(self._engine.problem)
        return self._text.paint(moment)

    def _moment(self) -> Moment:
        if self._record is None:
            raise ResetNeeded("nothing to render yet, call reset first")
        return self._record.present()

    def close(self) -> None:
        """Closes the window, if there is one."""
        if self._window is not None:
            self._window.close()
            self._window = None
