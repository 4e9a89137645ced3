"""Names that are meant where none is given.

They belong to the packages above; they are here, without imports, so that the command's help can
show them without importing those.
"""

DEFAULT_SCENARIO = "resnet50-steady"
"""See `sushi_env.get_scenario`."""

SUITE = "v1"
"""The suite that is meant where none is named; see `sushi_env.scenario.suites`."""
