"""Suites: versioned lists of scenarios, frozen by digest."""

from sushi_bench.suite.suite import Suite, get_suite
from sushi_env.scenario.suites import SUITE, suite_names

__all__ = ["SUITE", "Suite", "get_suite", "suite_names"]
