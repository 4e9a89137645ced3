"""What is used where nobody says otherwise; without imports, as the command's help shows them."""

DEFAULT_SUPERNET = "resnet50"
DEFAULT_BOARD = "zcu104"
DEFAULT_SUBGRAPHS = 16
DEFAULT_SCENARIO = "resnet50-steady"
"""A name of `sushi_env`, here so that showing it does not import Gymnasium."""
