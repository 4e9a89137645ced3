"""Hook of MkDocs: what stands beside the code becomes pages of the site, and links follow.

A link from such a page to another page of the site is kept; one to a file that the site lacks, or
to a folder, becomes plain text.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent
PAGES = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "accel/README.md": "folders/accel.md",
    "sushi_env/README.md": "folders/sushi_env.md",
    "agents/README.md": "folders/agents.md",
    "agents/PLUGIN.md": "folders/plugin.md",
    "benchmarks/README.md": "folders/benchmarks.md",
    "benchmarks/PROTOCOL.md": "folders/protocol.md",
    "benchmarks/SUBMITTING.md": "folders/submitting.md",
    "benchmarks/paper/README.md": "folders/paper.md",
}
"""Files of the checkout, and where they are on the site."""

LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]+)\]\((?P<target>[^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages, and the pictures that they show."""
    for source, page in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        pictures = set(re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", text))
        for picture in sorted(pictures):
            path = _resolved(source, picture)
            if not path.startswith("docs/"):
                shown = File.generated(config, path, abs_src_path=str(ROOT / path))
                files.append(shown)
        files.append(File.generated(config, page, content=_relinked(source, page, text)))
    return files


def _resolved(source: str, target: str) -> str:
    """A link's target, from the checkout's root."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target))


def _relinked(source: str, page: str, text: str) -> str:
    def replaced(link: re.Match[str]) -> str:
        target, hash_, anchor = link["target"].partition("#")
        if not target or re.match(r"[a-z]+:", link["target"]):
            return link[0]
        path = _resolved(source, target)
        known = PAGES.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else "")
        if link["image"] and not known:
            known = path
        if not known:
            return link["text"]
        relative = posixpath.relpath(known, posixpath.dirname(page) or ".")
        return f"{link['image']}[{link['text']}]({relative}{hash_}{anchor})"

    return LINK.sub(replaced, text)
