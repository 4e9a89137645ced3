"""Scores of result files, with intervals."""

from sushi_bench.scores.ranking import (
    Scale,
    differences,
    improvement,
    profile,
    read_all,
    scale_of,
    stability,
    utilities,
)

__all__ = [
    "Scale",
    "differences",
    "improvement",
    "profile",
    "read_all",
    "scale_of",
    "stability",
    "utilities",
]
