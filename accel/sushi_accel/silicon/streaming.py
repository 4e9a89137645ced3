"""Boards that stream what they do not cache, against measured layers and networks."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sushi_accel.boards.board import Board
from sushi_accel.boards.presets import PRESETS
from sushi_accel.errors import InputError
from sushi_accel.silicon.plausible import check_unit
from sushi_accel.silicon.published import Published, family_ms, host_and_bus_ms
from sushi_accel.silicon.saving import Saving, saving_of_networks, saving_of_sweeps
from sushi_accel.silicon.sweeps import Sweeps, predict_sweeps_ms


@dataclass(frozen=True)
class Errors:
    """Errors of some rows, predicted / measured - 1.

    Attributes:
        count: How many rows.
        mean_abs: Mean absolute error.
        worst_abs: Largest absolute error.
        left_out: Mean absolute error where the family's constant comes from its other rows only;
            None for layers, which have no such constant.
    """

    count: int
    mean_abs: float
    worst_abs: float
    left_out: float | None = None


@dataclass(frozen=True)
class StreamingValidation:
    """How well boards predict measured layers and networks.

    Attributes:
        boards: The board that stands for each link.
        sweeps: The measured layers.
        sweeps_ms: Their predicted latencies, milliseconds, shape (n,); NaN if not judged.
        published: The measured networks, if any.
        published_ms: Their predicted latencies, milliseconds, shape (m,); NaN if not judged.
        families_ms: The constant of each family on each link, milliseconds.
        errors: Errors by kind.
        savings: What a cached MiB saves, by link.
        not_judged: How many rows are not, by reason.
    """

    boards: Mapping[str, Board]
    sweeps: Sweeps
    sweeps_ms: NDArray[np.float64]
    published: Published | None
    published_ms: NDArray[np.float64]
    families_ms: Mapping[tuple[str, str], float]
    errors: Mapping[str, Errors]
    savings: tuple[Saving, ...]
    not_judged: Mapping[str, int]


def boards_by_link(board: Board) -> dict[str, Board]:
    """The presets of all measured links, with a board in the place of its own link's preset.

    Raises:
        InputError: If the board is of no measured link.
    """
    links = {preset.link: preset for preset in PRESETS.values() if preset.link}
    if board.link not in links:
        names = ", ".join(preset.name for preset in links.values())
        raise InputError(
            f"board {board.name!r}: link = {board.link!r}, must be one of {', '.join(links)} to be "
            f"held against such measurements; presets that are: {names}"
        )
    return links | {board.link: board}


def validate_streaming(
    sweeps: Sweeps, published: Published | None, board: Board
) -> StreamingValidation:
    """Compares predictions with measured layers and networks, each on the board of its link.

    Args:
        sweeps: The measured layers.
        published: The measured networks, if any.
        board: The board; rows of other links are held against those links' presets.

    Returns:
        Predictions, errors by kind, and what a cached MiB saves.

    Raises:
        InputError: If the board is of no measured link, or latencies are in another unit.
    """
    boards = boards_by_link(board)
    for bus in dict.fromkeys(sweeps.buses):
        if bus not in boards:
            raise InputError(f"measured layers: bus = {bus!r}, must be one of {', '.join(boards)}")
    layers_ms = np.full(len(sweeps.kinds), np.nan)
    for bus in dict.fromkeys(sweeps.buses):
        rows = np.array([each == bus for each in sweeps.buses])
        layers_ms[rows] = predict_sweeps_ms(sweeps.subset(rows), boards[bus])
    check_unit(layers_ms, sweeps.measured_ms, "latency_ms of measured layers", "milliseconds")
    errors = _sweep_errors(sweeps, layers_ms)
    savings = [saving_of_sweeps(sweeps, layers_ms, bus) for bus in dict.fromkeys(sweeps.buses)]
    not_judged = {"what is streamed is not known": int(np.isnan(layers_ms).sum())}
    networks_ms, constants = np.zeros(0), {}
    if published is not None:
        networks_ms, left_out, constants = predict_published_ms(published, boards)
        check_unit(
            networks_ms, published.measured_ms, "latency_ms of measured networks", "milliseconds"
        )
        errors |= _published_errors(published, networks_ms, left_out)
        savings += [saving_of_networks(published, networks_ms, link) for link in boards]
        for reason, count in _reasons(published).items():
            not_judged[reason] = not_judged.get(reason, 0) + count
    return StreamingValidation(
        boards=boards,
        sweeps=sweeps,
        sweeps_ms=layers_ms,
        published=published,
        published_ms=networks_ms,
        families_ms=constants,
        errors=errors,
        savings=tuple(saving for saving in savings if saving is not None),
        not_judged={reason: count for reason, count in not_judged.items() if count},
    )


def predict_published_ms(
    published: Published, boards: Mapping[str, Board]
) -> tuple[NDArray[np.float64], NDArray[np.float64], dict[tuple[str, str], float]]:
    """Latencies of published networks, with one constant per family and link.

    Args:
        published: The networks.
        boards: The board of each link.

    Returns:
        Milliseconds, shape (m,), NaN where not judged; the same with the constant from the
        family's other rows, NaN where there are none; and the constants, milliseconds.
    """
    predicted = np.full(len(published.names), np.nan)
    left_out = predicted.copy()
    constants: dict[tuple[str, str], float] = {}
    for link, board in boards.items():
        fixed = host_and_bus_ms(published, board)
        for family, rows in published.groups(link).items():
            width, measured = published.width[rows], published.measured_ms[rows]
            constant = family_ms(fixed[rows], width, measured)
            constants[link, family] = constant
            predicted[rows] = fixed[rows] + constant * width
            numbers = np.flatnonzero(rows)
            for n in numbers if len(numbers) > 1 else ():
                others = numbers[numbers != n]
                own = family_ms(
                    fixed[others], published.width[others], published.measured_ms[others]
                )
                left_out[n] = fixed[n] + own * published.width[n]
    return predicted, left_out, constants


def _sweep_errors(sweeps: Sweeps, predicted_ms: NDArray[np.float64]) -> dict[str, Errors]:
    error = np.abs(predicted_ms / sweeps.measured_ms - 1)
    found = {}
    for kind, name in (("dense", "dense"), ("conv", "convolution")):
        for streams, word in ((True, "streamed"), (False, "cached")):
            rows = sweeps.of(kind) & ((sweeps.streamed_mib > 0) == streams)
            if rows.any():
                mean, worst = float(error[rows].mean()), float(error[rows].max())
                found[f"{name} {word}"] = Errors(int(rows.sum()), mean, worst)
    return found


def _published_errors(
    published: Published, predicted_ms: NDArray[np.float64], left_out_ms: NDArray[np.float64]
) -> dict[str, Errors]:
    error = np.abs(predicted_ms / published.measured_ms - 1)
    without = np.abs(left_out_ms / published.measured_ms - 1)
    found = {}
    for streams, name in ((True, "networks that stream"), (False, "networks that fit")):
        rows = np.isfinite(predicted_ms) & ((published.streamed_mib > 0) == streams)
        if rows.any():
            others = rows & np.isfinite(without)
            left_out = float(without[others].mean()) if others.any() else None
            mean, worst = float(error[rows].mean()), float(error[rows].max())
            found[name] = Errors(int(rows.sum()), mean, worst, left_out)
    return found


def _reasons(published: Published) -> dict[str, int]:
    unknown = ~np.isfinite(published.streamed_mib)
    no_link = np.array([not link for link in published.links], dtype=bool)
    return {
        "of a link that no board is of": int(no_link.sum()),
        "what is streamed is not known": int((unknown & ~no_link).sum()),
        "parts run on the host": int((published.on_host & ~unknown & ~no_link).sum()),
    }
