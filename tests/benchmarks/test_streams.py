"""Standard streams that are closed, full, or left; Ctrl-C at any time: a line, no traceback."""

import os
import signal
import subprocess
import sys
import time

import pytest

from sushi_bench import console

SUSHI = f"{sys.executable} -m sushi_bench"


def shell(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True)


@pytest.mark.parametrize("command", ["--help", "list boards", "list boards --json", "--version"])
@pytest.mark.parametrize("stream", [">&-", ">/dev/full"])
def test_output_that_cannot_be_written_is_one_line_and_code_1(command, stream):
    done = shell(f"{SUSHI} {command} {stream}")
    assert done.returncode == 1, done
    assert done.stderr.startswith("sushi: stdout: ")
    assert done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full", "<&-", ">&- 2>&- <&-"])
def test_other_streams_may_be_missing(stream):
    done = shell(f"{SUSHI} list nothing {stream}")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_gone_needs_no_line():
    done = shell(f"{SUSHI} list scenarios --json | head -c 1; echo ${{PIPESTATUS[0]}}")
    assert done.stderr == ""


@pytest.mark.parametrize("after", [0.02, 0.1, 0.3, 0.6])
def test_ctrl_c_during_imports_is_one_line(after):
    code = (
        "import sys; print('begun', flush=True); sys.argv = ['sushi', 'evaluate'];"
        "from sushi_bench.main import main; main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(after + 0.05)
    os.kill(process.pid, signal.SIGINT)
    _, stderr = process.communicate()
    assert process.returncode == 1
    assert stderr == "sushi: interrupted\n"


def test_a_mistake_shows_its_traceback_only_when_asked():
    plain, shown = (shell(f"{SUSHI} {option} list boards 3") for option in ("", "--debug"))
    assert (plain.returncode, shown.returncode) == (2, 2)
    plain, shown = (
        shell(f"{SUSHI} {option} evaluate --scenario nope") for option in ("", "--debug")
    )
    assert plain.stderr == "sushi: " + shown.stderr.partition("\nsushi: ")[2]
    assert "Traceback" in shown.stderr


HOSTILE = "a\x1b[31mred\x1b]0;title\x07[bold]b[/bold]\u202e" + "x" * 100_000


def test_strangers_text_is_shown_and_not_obeyed(capsys):
    console.say(HOSTILE)
    console.complain(HOSTILE)
    console.out.print(console.table(["name", "n"], [[HOSTILE, 1]], title=HOSTILE))
    printed = "".join(capsys.readouterr())
    assert "\x1b" not in printed
    assert "\x07" not in printed
    assert "\u202e" not in printed
    assert "[bold]" in printed
    assert len(printed) < 20_000


def test_long_work_is_announced_where_no_bar_is(capsys, monkeypatch):
    clock = iter([60.0, 66.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))

    class NoBar:
        disable = True
        add_task = update = lambda *_, **__: 0

    work = console.Work(NoBar(), "evaluating", 100)  # type: ignore[arg-type]
    work(1)
    work(2)
    work(3)
    assert capsys.readouterr().err == "sushi: about 10 minutes left; Ctrl-C stops\n"


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "code",
    [
        pytest.param("raise BaseException('theirs')", marks=pytest.mark.slow),
        pytest.param(
            "class P:\n    def __init__(self, *_): pass\n"
            "    @property\n    def predict(self): raise GeneratorExit('theirs')\n",
            marks=pytest.mark.slow,
        ),
        "class P:\n    def __init__(self, *_): pass\n"
        "    def predict(self, *_, **__): raise GeneratorExit('theirs')\n",
    ],
    ids=["import", "property", "step"],
)
def test_a_strangers_policy_that_raises_is_one_line_and_its_traceback_under_debug(
    tmp_path, monkeypatch, code, jobs
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "theirs.py").write_text(code)
    rest = f"evaluate --episodes 51 --jobs {jobs} --policy theirs:P"  # 51: more than one unit
    plain, shown = (shell(f"{SUSHI} {option} {rest}") for option in ("", "--debug"))
    assert plain.returncode == shown.returncode == 2
    (line,) = plain.stderr.splitlines()
    assert line.startswith("sushi: policy 'theirs:P'")
    assert "theirs" in line.partition("'theirs:P'")[2]
    assert line in shown.stderr.splitlines()
    assert "Traceback" in shown.stderr
    assert "theirs.py" in shown.stderr
