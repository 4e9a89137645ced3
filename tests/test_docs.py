"""What the documentation shows runs as it stands, and prints what it says it prints."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
import typer

from sushi_bench.commands.app import app

ROOT = Path(__file__).parents[1]
FENCE = re.compile(
    r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<code>.*?)^```$', re.M | re.S
)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: `python` and `bash` run, `text` is what the block before it prints, and what
            has a title is a file.
        title: Name of the file it is, or None.
        code: Its lines.
    """

    language: str
    title: str | None
    code: str


def blocks(path: Path) -> list[Block]:
    """The fenced blocks of a page."""
    found = FENCE.finditer(path.read_text())
    return [Block(block["language"], block["title"], block["code"]) for block in found]


def pages() -> list[Path]:
    """The site's pages, relative to the checkout."""
    return sorted(path.relative_to(ROOT) for path in (ROOT / "docs").rglob("*.md"))


def readmes() -> list[Path]:
    """What there is to read beside the code, relative to the checkout."""
    folders = (".", "accel", "sushi_env", "agents", "benchmarks")
    return sorted(p.relative_to(ROOT) for folder in folders for p in (ROOT / folder).glob("*.md"))


COMMAND = re.compile(r"^sushi .*$", re.M)
SHELLS = ("bash", "console")


def quick(page: Path) -> bool:
    """Whether a page has only Python that needs no extra."""
    found = blocks(ROOT / page)
    return not any(b.language == "bash" for b in found) and "how-to" not in page.parts


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Path:
    """A folder to work in, with what a checkout has and the commands of this Python."""
    for name in ("benchmarks", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    commands = tmp_path / ".bin"
    commands.mkdir()
    for name, call in (("sushi", "-m sushi_bench"), ("python", "")):
        script = commands / name
        script.write_text(f'#!/bin/sh\nexec {sys.executable} {call} "$@"\n')
        script.chmod(0o755)
    monkeypatch.setenv("PATH", str(commands), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in sys.path if p))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def run_page(found: list[Block], capsys) -> None:
    """Runs a page from top to bottom; its Python shares one namespace."""
    namespace: dict = {"__name__": "page"}
    printed = ""
    for block in found:
        if block.title:
            Path(block.title).write_text(block.code)
        elif block.language == "python":
            capsys.readouterr()
            exec(compile(block.code, "page", "exec"), namespace)
            printed = capsys.readouterr().out
        elif block.language == "bash":
            command = ["bash", "-euo", "pipefail", "-c", block.code]
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 0, f"{block.code}\n{done.stdout}\n{done.stderr}"
            printed = done.stdout
        elif block.language == "text":
            assert [line.rstrip() for line in printed.splitlines()] == block.code.splitlines()


@pytest.mark.parametrize("page", [p for p in pages() if quick(p)], ids=str)
def test_pages_run(page, desk, capsys):
    run_page(blocks(ROOT / page), capsys)


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in pages() if not quick(p)], ids=str)
def test_long_pages_run(page, desk, capsys):
    run_page(blocks(ROOT / page), capsys)
    sys.modules.pop("mine", None)


@pytest.mark.parametrize("page", [*pages(), *readmes()], ids=str)
def test_commands_and_their_options_exist(page):
    for block in blocks(ROOT / page):
        for command in COMMAND.findall(block.code) if block.language in SHELLS else ():
            _, *words = shlex.split(command, comments=True)
            current: Any = typer.main.get_command(app)
            while hasattr(current, "commands"):
                context = current.context_class(current, info_name="sushi")
                _, current, words = current.resolve_command(context, words)
            current.make_context(command, words)  # parses, and runs nothing


PACKAGES = {"accel": "sushi_accel", "agents": "sushi_agents", "benchmarks": "sushi_bench"}
THEIRS = {"mine.py", "greedy.py", "sushi_thrifty.py"}
"""Files that readers make for themselves."""


@pytest.mark.parametrize("page", [*pages(), *readmes()], ids=str)
def test_files_that_are_named_are_there(page):
    folder = page.parts[0]
    places = [ROOT, ROOT / page.parent, ROOT / folder / PACKAGES.get(folder, "")]
    prose = FENCE.sub("", (ROOT / page).read_text())
    named = set(re.findall(r"`([\w./-]+(?:\.py|/))`", prose)) - THEIRS
    real = {name for name in named if "NAME" not in name}
    assert {n for n in real if not any((place / n).exists() for place in places)} == set()


@pytest.mark.parametrize("folder", ["accel", "sushi_env", "agents", "benchmarks"])
def test_every_folder_of_a_package_is_in_its_readme(folder):
    package = ROOT / folder / PACKAGES.get(folder, "")
    text = (ROOT / folder / "README.md").read_text()
    assert [p.name for p in package.iterdir() if p.is_dir() and f"`{p.name}/`" not in text] in (
        [],
        ["__pycache__"],
    )


def test_pages_say_what_runs():
    known = {"python", "bash", "text", "yaml", "console", "csv", "toml"}
    for page in pages():
        for block in blocks(ROOT / page):
            assert block.language in known, page
            assert block.title or block.language not in ("yaml", "toml", "csv"), page


def test_the_worked_example_says_what_it_prints():
    text = (ROOT / "docs" / "concepts" / "serving.md").read_text()
    prose = text[text.index("1. The first query") : text.index("## Episodes")]
    shown = " ".join(
        b.code for b in blocks(ROOT / "docs/concepts/serving.md") if b.language == "text"
    )
    known = {abs(float(number)) for number in re.findall(r"\d+\.\d+", shown)}
    of_networks = {36.67, 75.0, 76.3, 79.8, 0.5}  # the SLO, top-1, and the definition
    differences = {round(a - b, 2) for a in known for b in known}
    for number in map(float, re.findall(r"\d+\.\d+", prose)):
        assert number in known | of_networks | differences, number


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "docs/notebooks").glob("*.ipynb")))
def test_notebooks_run(name, desk):
    from nbclient import NotebookClient

    notebook = nbformat.read(ROOT / "docs" / "notebooks" / name, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "store it without outputs"
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    assert any(cell.get("outputs") for cell in notebook.cells)


@pytest.mark.slow
def test_the_site_builds_and_asks_the_network_for_nothing(tmp_path):
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path]
    done = subprocess.run(build, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    built = list(tmp_path.rglob("*.html"))
    assert len(built) > 15
    for name in ("contributing", "folders/protocol", "folders/plugin", "notebooks/schedulers"):
        assert (tmp_path / f"{name}.html").exists()
    assert "data:image/png" in (tmp_path / "notebooks" / "schedulers.html").read_text()
    for page in built:
        text = page.read_text()
        fetched = re.findall(
            r'<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)="([^"]+)"', text
        )
        assert fetched
        assert not [url for url in fetched if re.match(r"(https?:)?//", url)], page
    for style in tmp_path.rglob("*.css"):
        assert not re.search(r"url\([\"']?https?:|@import", style.read_text()), style
