"""The site: templates filled in, and written so that nobody reads half a file."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from sushi_accel.errors import need
from sushi_accel.files.atomic import make_folder, replacing
from sushi_bench.leaderboard.cells import exact, groups, portion, track
from sushi_bench.leaderboard.columns import scenario_columns, suite_columns
from sushi_bench.leaderboard.facts import facts
from sushi_bench.leaderboard.standings import Leaderboard, ScenarioStandings, Standing
from sushi_bench.scores.tables import notes

PACKAGE = "sushi_bench.leaderboard"
INDEX = "index.html"
ASSETS = ("style.css", "tables.js", "charts.js")
PLOTLY = "plotly.min.js"
LINKABLE = ("https://", "http://")


def require_libraries() -> None:
    """Asks for the libraries of the extra `page`, before any work is done for it.

    Raises:
        InputError: If one is missing.
    """
    need("the page needs", "page", "jinja2", "markdown_it", "plotly")


def open_folder(folder: Path) -> None:
    """Makes the site's folders.

    Raises:
        InputError: If they cannot be made.
    """
    for made in (folder, folder / "assets", folder / "scenarios"):
        make_folder(made)


def write_site(board: Leaderboard, folder: Path, guide: str | None = None) -> list[Path]:
    """Writes the site; the same contents give the same bytes.

    Args:
        board: What it shows.
        folder: Where to, as `open_folder` made it.
        guide: How to submit results, in Markdown; a short version if not given.

    Returns:
        The files, the front page last: whoever sees a new one finds what it refers to.

    Raises:
        InputError: If a file cannot be written.
    """
    contents = rendered(board, guide)
    for name, text in contents.items():
        path = folder / name
        with replacing(path, f"page {path}") as part:
            part.write_bytes(text.encode())
    return [folder / name for name in contents]


def rendered(board: Leaderboard, guide: str | None = None) -> dict[str, str]:
    """The site's files by name, relative to its folder; the front page last."""
    from plotly.offline import get_plotlyjs

    assets = files(PACKAGE) / "assets"
    found = {f"assets/{name}": (assets / name).read_text(encoding="utf-8") for name in ASSETS}
    found[f"assets/{PLOTLY}"] = get_plotlyjs()
    environment = _environment()
    shared = {"board": board, "suite": board.suite, "guide": guide}
    template = environment.get_template("scenario.html.j2")
    for n, of in enumerate(board.scenarios):
        found[f"scenarios/{of.name}.html"] = template.render(
            shared,
            root="../",
            of=of,
            before=board.scenarios[n - 1] if n else None,
            after=board.scenarios[n + 1] if n + 1 < len(board.scenarios) else None,
            columns=scenario_columns(of.zero is not None, board.reference),
            charts=_scenario_charts(of),
        )
    if guide is not None:
        found["submit.html"] = environment.get_template("submit.html.j2").render(
            shared, root="", text=_from_markdown(guide)
        )
    found[INDEX] = environment.get_template("index.html.j2").render(
        shared,
        root="",
        columns=suite_columns(board.scored, board.reference),
        charts=_suite_charts(board),
        notes=notes(board.ranking),
    )
    return found


def _suite_charts(board: Leaderboard) -> list[Any]:
    from sushi_bench.leaderboard.chart_intervals import improvements
    from sushi_bench.leaderboard.chart_plane import plane
    from sushi_bench.leaderboard.chart_profiles import profiles

    if not _has_schedulers(board.standings):
        return []
    found = [plane(board.standings, f"Suite {board.suite.version}"), profiles(board)]
    if any(s.improvement is not None for s in board.standings):
        found.append(improvements(board))
    return found


def _scenario_charts(of: ScenarioStandings) -> list[Any]:
    from sushi_bench.leaderboard.chart_intervals import scenario_utilities
    from sushi_bench.leaderboard.chart_plane import plane

    if not _has_schedulers(of.standings):
        return []
    return [scenario_utilities(of), plane(of.standings, of.name)]


def _has_schedulers(standings: Sequence[Standing]) -> bool:
    return any(s.kind != "bound" for s in standings)


def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sushi_bench", "leaderboard/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "exact": exact,
        "facts": facts,
        "groups": groups,
        "linkable": lambda source: source.startswith(LINKABLE),
        "portion": portion,
        "track": track,
    }
    return environment


def _from_markdown(text: str) -> Any:
    """Markdown as HTML; HTML in it stays text, and links to files become text."""
    from markdown_it import MarkdownIt
    from markupsafe import Markup

    parser = MarkdownIt("js-default").disable("image")
    tokens = parser.parse(text)
    for token in tokens:
        _unlink(token.children or [])
    return Markup(parser.renderer.render(tokens, parser.options, {}))


def _unlink(tokens: Sequence[Any]) -> None:
    """Turns links to files, which do not lie beside the page, into plain text."""
    opened = []
    for token in tokens:
        if token.type == "link_open":
            opened.append(token)
        elif token.type == "link_close":
            start = opened.pop()
            if not str(start.attrs.get("href", "")).startswith((*LINKABLE, "#")):
                start.tag = token.tag = "span"
                start.attrs = {}
