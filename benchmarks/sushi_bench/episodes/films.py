"""An episode as a film: GIF or MP4 (extra `render`: pygame-ce, Pillow, imageio-ffmpeg)."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sushi_accel.palette import (
    GREY,
    INK,
    MIDDLE,
    MISS,
    PALE,
    PAPER,
    WHITE,
    rgb,
    subnet_colour,
    urgency_colour,
)
from sushi_bench.episodes.episode_recording import Span, shown_seconds
from sushi_env import Problem
from sushi_env.rendering.record import EpisodeRecord

Frames = Iterator[NDArray[np.uint8]]
Progress = Callable[[], object]

COLOURS = 160
"""Colours of a GIF."""

LAST_FRAME_S = 2.0
"""How long a GIF rests before it starts over, seconds."""


def film_frames(
    problem: Problem, records: Mapping[str, EpisodeRecord], seed: int, span: Span, count: int
) -> Frames:
    """Pictures evenly spaced in the episode's time, policies side by side on one clock.

    Args:
        problem: The compiled scenario.
        records: What happened, by the policies' names.
        seed: Seed of the episode.
        span: The queries to show.
        count: Number of frames.

    Yields:
        Pixels, uint8, shape (height, width, 3).
    """
    from sushi_env.rendering.pygame_painter import PygamePainter

    painters = [PygamePainter(problem, title=name) for name in records]
    begin, end = shown_seconds(problem, seed, span, next(iter(records.values())))
    for time_s in np.linspace(begin, end, count).tolist():
        panels = [
            painter.paint(record.at(time_s))
            for painter, record in zip(painters, records.values(), strict=True)
        ]
        frame = np.concatenate(panels, axis=1)
        for edge in range(1, len(panels)):
            frame[:, edge * panels[0].shape[1] - 1] = rgb(PALE)
        yield frame


def write_gif(frames: Frames, path: Path, fps: int, on_frame: Progress) -> None:
    """Writes frames as a GIF that repeats for ever.

    Args:
        frames: The frames, at least one.
        path: The file to write.
        fps: Frames per second, a GIF's clock ticks in hundredths of a second.
        on_frame: Called after each frame.
    """
    from PIL import Image

    images: list[Image.Image] = []
    colours: NDArray[np.uint8] | None = None
    # One palette and no dithering: what stays the same takes no bytes in the next frame.
    nearest = np.full(2**24, -1, dtype=np.int16)
    for frame in frames:
        if colours is None:
            colours = _palette(frame)
        image = Image.fromarray(_indices(frame, colours, nearest))
        image.putpalette(colours.tobytes())
        images.append(image)
        on_frame()
    tick_ms = 10 * max(round(100 / fps), 1)
    durations = [tick_ms] * (len(images) - 1) + [tick_ms + round(1000 * LAST_FRAME_S)]
    images[0].save(
        path,
        format="GIF",
        save_all=True,
        append_images=images[1:],
        duration=durations,
        loop=0,
        optimize=True,  # pixels that stay the same are left out
    )


def _palette(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Colours that later frames can hold, then the most frequent ones of a frame; (n, 3)."""
    exact = [WHITE, INK, GREY, MIDDLE, PALE, PAPER, MISS]
    exact += [subnet_colour(i, 13) for i in range(13)]
    exact += [urgency_colour(1 - step, 1) for step in np.linspace(0, 1, 16).tolist()]
    found, counts = np.unique(frame.reshape(-1, 3), axis=0, return_counts=True)
    frequent = found[np.argsort(-counts, kind="stable")].tolist()
    colours = dict.fromkeys([*map(rgb, exact), *map(tuple, frequent)])
    return np.array(list(colours)[:COLOURS], dtype=np.uint8)


def _indices(
    frame: NDArray[np.uint8], colours: NDArray[np.uint8], nearest: NDArray[np.int16]
) -> NDArray[np.uint8]:
    """The palette's nearest colour for each pixel, uint8, shape (height, width).

    Args:
        frame: The frame.
        colours: The palette, shape (n, 3).
        nearest: What is known of it: an index for every 24-bit colour, or -1; filled in.
    """
    packed = frame.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.int32)
    indices = nearest[packed]
    new = np.unique(packed[indices < 0])
    if len(new):
        seen = np.stack([new >> 16, (new >> 8) & 255, new & 255], axis=-1)
        distance = ((seen[:, None] - colours[None].astype(np.int64)) ** 2).sum(axis=-1)
        nearest[new] = distance.argmin(axis=-1)
        indices = nearest[packed]
    return indices.astype(np.uint8)


def write_mp4(frames: Frames, path: Path, fps: int, on_frame: Progress) -> None:
    """Writes frames as an MP4 (H.264).

    Args:
        frames: The frames, at least one, of even width and height.
        path: The file to write.
        fps: Frames per second.
        on_frame: Called after each frame.

    Raises:
        OSError: If it cannot be written.
    """
    import imageio_ffmpeg

    writer = None
    try:
        for frame in frames:
            if writer is None:
                height, width = frame.shape[:2]
                writer = imageio_ffmpeg.write_frames(
                    str(path), (width, height), fps=fps, quality=7, macro_block_size=2
                )
                writer.send(None)
            writer.send(frame)
            on_frame()
    finally:
        if writer is not None:
            writer.close()
