"""Suites: versioned lists of scenarios, frozen by digest."""

from sushi_bench.suite.suite import SUITES, Suite, get_suite

__all__ = ["SUITES", "Suite", "get_suite"]
