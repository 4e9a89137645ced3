"""Colours that stand beside each other are told apart, whatever one's sight."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from sushi_accel.palette import GREY, SERIES, WHITE, rgb, subnet_colour, text_on, urgency_colour

# Machado, Oliveira and Fernandes 2009, full severity; linear RGB in, linear RGB out.
SIGHT = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def lab(colour: str, sight: np.ndarray) -> np.ndarray:
    """CIELAB of a colour as someone of that sight sees it."""
    share = np.array(rgb(colour)) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = to_xyz @ np.clip(sight @ linear, 0, 1) / [0.95047, 1.0, 1.08883]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distance(one: str, other: str, sight: np.ndarray) -> float:
    return float(np.linalg.norm(lab(one, sight) - lab(other, sight)))


@pytest.mark.parametrize("sight", SIGHT)
def test_what_is_compared_is_told_apart(sight):
    for one, other in combinations((*SERIES, WHITE), 2):
        assert distance(one, other, SIGHT[sight]) > 15, (one, other)
    for colour in SERIES:
        assert distance(colour, GREY, SIGHT[sight]) > 12


@pytest.mark.parametrize("count", [2, 6, 13])
@pytest.mark.parametrize("sight", SIGHT)
def test_larger_subnets_are_darker(sight, count):
    light = [lab(subnet_colour(i, count), SIGHT[sight])[0] for i in range(count)]
    assert (np.diff(light) < 0).all()


def test_urgency_ends_in_vermilion_and_stays_there():
    assert urgency_colour(0.0, 1.0) == urgency_colour(-5.0, 1.0)
    assert len({urgency_colour(left, 1.0) for left in (1.0, 0.6, 0.3, 0.0)}) == 4


def test_text_is_read_on_every_background():
    for colour in [*SERIES, *(subnet_colour(i, 7) for i in range(7))]:
        apart = abs(lab(text_on(colour), SIGHT["usual"])[0] - lab(colour, SIGHT["usual"])[0])
        assert apart > 30


def test_colours_and_matplotlib_figures_are_made_in_one_place_each():
    root = Path(__file__).parents[2]
    own = {
        "palette.py": r"[\"']#[0-9a-fA-F]{6}[\"']",
        "figures.py": r"savefig|import pyplot|matplotlib.pyplot|Figure\(figsize",
    }
    for file, pattern in own.items():
        found = {
            path.name
            for package in ("accel", "sushi_env", "agents", "benchmarks")
            for path in (root / package).rglob("*.py")
            if re.search(pattern, path.read_text())
        }
        assert found == {file}
