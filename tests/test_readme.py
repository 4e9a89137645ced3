"""The README's Python runs as written, and its commands exist."""

import re
import subprocess
import sys
from pathlib import Path

from chosen import RESULTS
from sushi_bench.scores.ranking import read_all
from sushi_bench.scores.tables import rank

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_python_blocks_run(tmp_path):
    ten_lines, many, mine = blocks("python")
    for code in (ten_lines, many):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    (tmp_path / "mine.py").write_text(mine)
    command = next(line for line in "".join(blocks("console")).splitlines() if "mine:Hasty" in line)
    sushi = str(Path(sys.executable).with_name("sushi"))
    arguments = command.split()[1:]
    done = subprocess.run([sushi, *arguments], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "mine:Hasty" in done.stdout


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make ([a-z-]+)", "".join(blocks("console")), flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


def test_the_leaderboard_is_that_of_the_result_files():
    ranking = rank(read_all([RESULTS]), None)
    section = README[README.index("## The leaderboard") :].partition("\n## ")[0]
    shown = {
        cells[1].strip("* "): [cell.strip() for cell in cells[2:5]]
        for line in section.splitlines()
        if line.startswith("| ") and not line.startswith("| policy")
        for cells in [line.split("|")]
    }
    entries = {entry.results.header.policy: entry for entry in ranking.entries}
    assert {"clairvoyant", "zoo", "generalist", "lookahead", "slackfit"} <= set(shown)
    for policy, said in shown.items():
        score = entries[policy].score
        assert score is not None
        assert said == [
            f"{score.value:.3f}",
            f"{score.low:.3f} to {score.high:.3f}",
            f"{entries[policy].metrics.utility:.4f}",
        ]
