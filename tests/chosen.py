"""The scenarios that tests take from the suite, and its results: one place to change with it."""

from pathlib import Path

from sushi_env.scenario.suites import SUITE, in_suite

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / SUITE
"""The committed result files."""

BUSY = in_suite("resnet50-busy")
BURSTY = in_suite("resnet50-bursty")
GAMMA = in_suite("resnet50-gamma")
FLASH = in_suite("resnet50-flash")
OVERLOAD = in_suite("resnet50-overload")
TRACE = in_suite("resnet50-trace")
SHIFT = in_suite("resnet50-shift")
"""Those on the first SuperNet: Poisson, in spells, gamma, with crowds, too many, recorded; and the
one in which SubNets want different SubGraphs."""

OTHER_BUSY = in_suite("mobilenetv3-busy")
OTHER_STEADY = in_suite("mobilenetv3-steady")
OTHER_RUSH = in_suite("mobilenetv3-rush")
OTHER_TRACE = in_suite("mobilenetv3-trace")
OTHER_SHIFT = in_suite("mobilenetv3-shift")
"""Those on the second SuperNet, which has another number of SubNets."""
