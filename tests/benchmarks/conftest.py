"""A leaderboard of some of the committed results, one hostile name, and a made-up bound."""

import json
import shutil
from pathlib import Path

import pytest

from chosen import RESULTS
from sushi_bench.leaderboard.site import open_folder, write_site
from sushi_bench.leaderboard.standings import leaderboard_of
from sushi_bench.scores.ranking import read_all

COMMITTED = RESULTS
POLICIES = (
    *(f"static-{subnet}" for subnet in "ABCDEFG"),
    "lookahead",
    "slackfit",
    "sushisched-accuracy",
)
HOSTILE = '<b>"x"</b><script>alert(1)</script> &lt; <img src=x onerror=alert(2)>'
GUIDE = "# How\n\n[a file](PROTOCOL.md), [a site](https://example.org), <script>alert(3)</script>\n"


def _copied(source: Path, to: Path, changes: dict[str, str], add: float, upper: bool) -> None:
    """A result file with another header, and utilities moved by `add`."""
    first, *lines = source.read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    for row in rows:
        utility = row["metrics"]["utility"]
        row["metrics"]["utility"] = min(max(utility + add, 0.0), 1.0)
        if upper:
            row["upper"] = min(utility + 1.2 * add, 1.0)
    header = json.loads(first) | changes
    to.write_text("".join(json.dumps(line) + "\n" for line in (header, *rows)))


@pytest.fixture(scope="session")
def hostile_name() -> str:
    return HOSTILE


@pytest.fixture(scope="session")
def guide() -> str:
    return GUIDE


@pytest.fixture(scope="session")
def unscored_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Result files without the bound; static-G is partial, as it exists for one SuperNet only."""
    folder = tmp_path_factory.mktemp("unscored")
    for policy in POLICIES:
        shutil.copy(COMMITTED / f"{policy}.jsonl", folder)
    changes = {
        "policy": "hostile:Policy",
        "label": HOSTILE,
        "author": HOSTILE,
        "description": HOSTILE,
        "source": "javascript:alert(4)",
        "kind": "learned",
    }
    _copied(COMMITTED / "slackfit.jsonl", folder / "hostile.jsonl", changes, -0.01, upper=False)
    return folder


@pytest.fixture(scope="session")
def scored_results(tmp_path_factory: pytest.TempPathFactory, unscored_results: Path) -> Path:
    """The same, and a bound that is made up."""
    folder = tmp_path_factory.mktemp("scored")
    shutil.copytree(unscored_results, folder, dirs_exist_ok=True)
    changes = {"policy": "clairvoyant", "label": "clairvoyant", "kind": "bound"}
    _copied(COMMITTED / "lookahead.jsonl", folder / "clairvoyant.jsonl", changes, 0.05, upper=True)
    return folder


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, scored_results: Path) -> Path:
    """The leaderboard of `scored_results`, with a guide."""
    pytest.importorskip("plotly")
    folder = tmp_path_factory.mktemp("site")
    open_folder(folder)
    write_site(leaderboard_of(read_all([scored_results])), folder, GUIDE)
    return folder
