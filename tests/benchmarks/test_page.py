"""The leaderboard's numbers are those of the result files, and strangers' names stay text."""

import json
from collections.abc import Iterator
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chosen import BUSY, OTHER_RUSH, OTHER_SHIFT, RESULTS, SUITE
from sushi_bench.commands.app import app
from sushi_bench.leaderboard.chart_parts import plain
from sushi_bench.leaderboard.facts import facts
from sushi_bench.leaderboard.site import open_folder, rendered, write_site
from sushi_bench.leaderboard.standings import leaderboard_of
from sushi_bench.scores.bootstrap import with_intervals
from sushi_bench.scores.ranking import read_all
from sushi_bench.suite.suite import get_suite
from sushi_env import InputError
from sushi_env.engine.metrics import METRICS

ROOT = Path(__file__).parents[2]
COMMITTED_RESULTS = RESULTS
COMMITTED_PAGE = ROOT / "benchmarks" / "page"
SCALES = {m.name: m.scale for m in METRICS.values() if m.group or m.name == "utility"}
"""Figures of the page over those of a result file."""

Attributes = dict[str, str]


class Page(HTMLParser):
    """A page's elements, its tables' cells by policy and column, its texts and its figures."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, Attributes]] = []
        self.ids: set[str] = set()
        self.cells: dict[str, dict[str, Attributes]] = {}
        self.shown: dict[str, dict[str, str]] = {}
        self.text = ""
        self.figures: dict[str, Any] = {}
        self._policy: str | None = None
        self._key: str | None = None
        self._figure: str | None = None
        self._json = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        self.elements.append((tag, given))
        self.ids.add(given.get("id", ""))
        if tag == "tr":
            self._policy = given.get("data-policy")
        if tag == "td" and self._policy is not None:
            self._key = given.get("data-key")
            if self._key is not None:
                self.cells.setdefault(self._policy, {})[self._key] = given
        if tag == "script":
            self._figure = given.get("data-figure")

    def handle_endtag(self, tag: str) -> None:
        if tag == "td":
            self._key = None
        if tag == "script" and self._figure is not None:
            self.figures[self._figure] = json.loads(self._json)
            self._figure, self._json = None, ""

    def handle_data(self, data: str) -> None:
        if self._figure is not None:
            self._json += data
            return
        self.text += data
        if self._policy is not None and self._key is not None:
            shown = self.shown.setdefault(self._policy, {})
            shown[self._key] = shown.get(self._key, "") + data.strip() + " "

    def values(self, key: str) -> dict[str, float]:
        """The figures of a column, by policy."""
        found = {policy: cells.get(key, {}) for policy, cells in self.cells.items()}
        return {p: float(cell["data-value"]) for p, cell in found.items() if cell.get("data-value")}


@lru_cache(maxsize=64)
def parsed(path: Path) -> Page:
    return Page(path)


class File:
    """A result file, read without any of the code that is tested."""

    def __init__(self, path: Path) -> None:
        first, *lines = path.read_text().splitlines()
        self.header = json.loads(first)
        self.rows = [json.loads(line) for line in lines]

    def metric(self, name: str, scenario: str | None = None) -> np.ndarray:
        return np.array(
            [
                row[name] if name == "upper" else row["metrics"][name]
                for row in self.rows
                if scenario in (None, row["scenario"])
            ]
        )


def files_of(folder: Path) -> dict[str, File]:
    files = [File(path) for path in sorted(folder.glob("*.jsonl"))]
    return {file.header["policy"]: file for file in files}


def scale_of(files: dict[str, File], scenario: str) -> tuple[float, float]:
    static = [f for name, f in files.items() if name.startswith("static-")]
    means = [f.metric("utility", scenario) for f in static]
    return (
        max(m.mean() for m in means if len(m)),
        files["clairvoyant"].metric("upper", scenario).mean(),
    )


def score_of(file: File, files: dict[str, File]) -> float:
    """Interquartile mean of the scores, by hand."""
    scores = []
    for scenario in file.header["scenarios"]:
        zero, one = scale_of(files, scenario)
        scores.extend((file.metric("utility", scenario) - zero) / (one - zero))
    quarter = len(scores) // 4
    return float(np.mean(sorted(scores)[quarter : len(scores) - quarter]))


def check_numbers(site: Path, results: Path) -> None:
    """Every mean and score on every page, against the result files."""
    files = files_of(results)
    complete = {p: f for p, f in files.items() if len(f.header["scenarios"]) == 18}
    index = parsed(site / "index.html")
    assert set(index.cells) == set(complete)
    for key, scale in SCALES.items():
        expected = {p: scale * f.metric(key).mean() for p, f in complete.items()}
        assert index.values(key) == pytest.approx(expected, rel=1e-8, abs=1e-12)
    scored = "clairvoyant" in files
    expected = {p: score_of(f, files) for p, f in complete.items()} if scored else {}
    assert index.values("score") == pytest.approx(expected, rel=1e-8, abs=1e-10)
    for scenario in get_suite(SUITE).digests:
        page = parsed(site / "scenarios" / f"{scenario}.html")
        there = {p: f for p, f in files.items() if scenario in f.header["scenarios"]}
        for key, scale in SCALES.items():
            expected = {p: scale * f.metric(key, scenario).mean() for p, f in there.items()}
            assert page.values(key) == pytest.approx(expected, rel=1e-8, abs=1e-12)


def test_every_number_is_that_of_the_result_files(site, scored_results):
    check_numbers(site, scored_results)


def test_the_committed_page_is_that_of_the_committed_results():
    if not (COMMITTED_PAGE / "index.html").exists():
        pytest.skip(f"no page at {COMMITTED_PAGE.relative_to(ROOT)}: make page")
    check_numbers(COMMITTED_PAGE, COMMITTED_RESULTS)


def test_differences_and_wins_are_paired(site, scored_results):
    files = files_of(scored_results)
    scenario = OTHER_SHIFT
    page = parsed(site / "scenarios" / f"{scenario}.html")
    base = files["sushisched-accuracy"].metric("utility", scenario)
    for policy, file in files.items():
        cells = page.cells.get(policy)
        if policy == "sushisched-accuracy":
            assert cells is not None
            assert cells["difference"]["data-value"] == ""
            assert "reference" in page.shown[policy]["difference"]
        elif cells is not None:
            utilities = file.metric("utility", scenario)
            won = 100 * np.mean((utilities > base) + 0.5 * (utilities == base))
            assert float(cells["improvement"]["data-value"]) == pytest.approx(won)
            difference = float(cells["difference"]["data-value"])
            assert difference == pytest.approx((utilities - base).mean(), rel=1e-6, abs=1e-9)
    assert "static-G" in page.cells
    upper = files["clairvoyant"].metric("upper", scenario).mean()
    assert f"{upper:.4f}" in page.text


def test_intervals_are_the_bootstrap_s(site, scored_results):
    files = files_of(scored_results)
    policies = list(parsed(site / "index.html").cells)
    scores = []
    for policy in policies:
        rows = []
        for scenario in files[policy].header["scenarios"]:
            zero, one = scale_of(files, scenario)
            rows.append((files[policy].metric("utility", scenario) - zero) / (one - zero))
        scores.append(rows)
    cells = parsed(site / "index.html").cells
    shown = parsed(site / "index.html").shown
    for policy, interval in zip(policies, with_intervals(np.array(scores)), strict=True):
        cell = cells[policy]["score"]
        low, high = float(cell["data-low"]), float(cell["data-high"])
        assert (low, high) == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-9)
        text = shown[policy]["score"].replace("\N{MINUS SIGN}", "-").split()
        assert [float(word) for word in text if word != "to"] == pytest.approx(
            [interval.value, interval.low, interval.high], abs=5.1e-4
        )


def test_places_are_in_the_order_of_the_scores_and_the_bound_has_none(site):
    index = parsed(site / "index.html")
    scores = list(index.values("score").values())
    assert scores == sorted(scores, reverse=True)
    assert "Halves of the episodes" in index.text
    assert "Not ranked, partial: static-G" in index.text
    assert "Scores are not normalised" not in index.text


def test_charts_hold_the_same_figures(site, scored_results):
    index = parsed(site / "index.html")
    assert set(index.figures) == {"plane", "profiles", "improvement"}
    points = [
        point
        for trace in index.figures["plane"]["data"]
        for point in zip(trace["x"], trace["y"], strict=True)
    ]
    files = files_of(scored_results)
    expected = [
        (1e3 * file.metric("latency_p99_s").mean(), file.metric("served_accuracy").mean())
        for file in (files[policy] for policy in index.cells)
    ]
    assert np.array(sorted(points)) == pytest.approx(np.array(sorted(expected)))
    won = [x for trace in index.figures["improvement"]["data"] for x in trace["x"]]
    assert sorted(won) == pytest.approx(sorted(index.values("improvement").values()))
    scenario = parsed(site / "scenarios" / f"{BUSY}.html")
    means = [x for trace in scenario.figures["utilities"]["data"] for x in trace["x"]]
    assert sorted(means) == pytest.approx(sorted(scenario.values("utility").values()))


def all_pages(site: Path) -> Iterator[Path]:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) == 20
    yield from pages


def test_a_name_that_is_markup_stays_text(site, hostile_name):
    for path in all_pages(site):
        page = parsed(path)
        for tag, attributes in page.elements:
            assert tag != "img"
            assert not [name for name in attributes if name.startswith("on")]
            assert not attributes.get("href", "").startswith("javascript:")
            if tag == "script":
                src = attributes.get("src", "")
                assert src.startswith(("assets/", "../assets/")) or "data-figure" in attributes
        if path.name != "submit.html":
            assert hostile_name in page.text
        for figure in page.figures.values():
            assert "<script" not in json.dumps(figure)
    ticks = parsed(site / "index.html").figures["improvement"]["layout"]["yaxis"]["ticktext"]
    assert plain(hostile_name) in ticks


def test_text_for_plotly_is_escaped_and_short():
    assert plain("<b>&lt;") == "&lt;b&gt;&amp;lt;"
    assert plain("<" * 30) == "&lt;" * 23 + "\N{HORIZONTAL ELLIPSIS}"


def test_nothing_comes_from_a_network_and_no_link_is_dead(site):
    for path in all_pages(site):
        for tag, attributes in parsed(path).elements:
            target = attributes.get("src") or attributes.get("href")
            if not target or target == "data:,":
                continue
            if tag == "a" and target == "https://example.org":
                continue
            assert "//" not in target, f"{path.name}: {tag} {target}"
            name, _, anchor = target.partition("#")
            linked = path.parent / name if name else path
            assert linked.is_file(), f"{path.name}: {target}"
            if anchor:
                assert anchor in parsed(linked).ids, f"{path.name}: {target}"
    for asset in ("style.css", "tables.js", "charts.js"):
        text = (site / "assets" / asset).read_text()
        assert "http" not in text
        assert "@import" not in text


def test_the_guide_is_rendered_and_its_files_are_no_links(site):
    page = parsed(site / "submit.html")
    assert ("a", {"href": "https://example.org"}) in page.elements
    assert "PROTOCOL.md" not in (site / "submit.html").read_text()
    assert "<script>alert(3)</script>" in page.text


def test_the_same_results_give_the_same_bytes(site, scored_results, guide):
    board = leaderboard_of(read_all([scored_results]))
    again = rendered(board, guide)
    before = {
        path.relative_to(site).as_posix(): path.read_bytes()
        for path in site.rglob("*")
        if path.is_file()
    }
    assert {name: text.encode() for name, text in again.items()} == before
    assert list(again)[-1] == "index.html"


def test_without_the_bound_it_says_so(unscored_results, tmp_path, capsys):
    command = ["bench", "page", str(unscored_results), "--out", str(tmp_path), "--json"]
    app(command, standalone_mode=False)
    said = json.loads(capsys.readouterr().out)
    assert said["scored"] is False
    assert "clairvoyant" in said["no_scores_because"]
    assert all((tmp_path / name).is_file() for name in said["files"])
    index = parsed(tmp_path / "index.html")
    assert "Scores are not normalised." in index.text
    assert index.values("score") == {}
    utilities = list(index.values("utility").values())
    assert utilities == sorted(utilities, reverse=True)
    check_numbers(tmp_path, unscored_results)


def test_partial_results_alone_rank_nobody(unscored_results, tmp_path):
    open_folder(tmp_path)
    write_site(leaderboard_of(read_all([unscored_results / "static-G.jsonl"])), tmp_path)
    index = parsed(tmp_path / "index.html")
    assert index.cells == {}
    assert "No complete results yet" in index.text
    assert list(parsed(tmp_path / "scenarios" / f"{OTHER_RUSH}.html").cells) == ["static-G"]
    assert parsed(tmp_path / "scenarios" / f"{BUSY}.html").cells == {}


def test_bad_input_is_one_line(unscored_results, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    command = ["bench", "page", str(unscored_results / "static-G.jsonl"), "--out"]
    with pytest.raises(InputError, match=r"^folder .*file: cannot be written"):
        app([*command, str(tmp_path / "file")], standalone_mode=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no results given, and neither"):
        app(["bench", "page", "--out", "page"], standalone_mode=False)
    assert not (tmp_path / "page").exists()


def test_every_scenario_is_told_in_words():
    for name, scenario in get_suite(SUITE).scenarios().items():
        told = dict(facts(scenario))
        assert told["SuperNet"] in name
        assert f"Class {scenario.classes[0].name}" in told
        assert str(ROOT) not in str(told)
