"""The page's sections: each computes its figures, and gives them as rows."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

Track = Callable[[Sequence[Any], str], Iterable[Any]]
"""Iterates over a sequence and reports progress under a description."""
