"""Compiled code is kept where it can be; where it cannot, or is not wanted, everything runs."""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sushi_accel
import sushi_env
from sushi_env.numerics import compiling

ROOT = Path(__file__).parents[2]
PINNED = """
import sys; sys.path.insert(0, "tests/env")
import test_determinism as t
t.STEPS = 30
for name, scenario in t.SCENARIOS.items():
    print(t.of_env(scenario, 7))
"""


def python(script: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        cwd=cwd,
    )


def test_the_same_bytes_without_compilation():
    plain = python(PINNED, NUMBA_DISABLE_JIT="1", PYTHONWARNINGS="error::RuntimeWarning")
    assert plain.returncode == 0, plain.stderr
    assert len(plain.stdout.split()) == 5
    assert plain.stdout == python(PINNED).stdout


@pytest.fixture
def sealed(tmp_path):
    """A copy of the packages in which no cache can be written, and a home like it."""
    for package in (sushi_accel, sushi_env):
        source = Path(str(package.__file__)).parent
        copied = shutil.copytree(
            source, tmp_path / source.name, ignore=shutil.ignore_patterns("__pycache__")
        )
        for folder in (copied, *(path for path in copied.rglob("*") if path.is_dir())):
            (folder / "__pycache__").write_text("in the way, even of root")
    return {
        "PYTHONPATH": os.pathsep.join([str(tmp_path), *(p for p in sys.path if p)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/dev/null",
        "XDG_CACHE_HOME": "/dev/null",
        "NUMBA_CACHE_DIR": "",
    }


DRAWS = """
import numpy as np, sushi_env
from sushi_env.numerics.streams import stream_key, uniform
one = np.uint64(1)
print(sushi_env.__file__, uniform(stream_key(one, one, one), one))
"""


def test_read_only_and_homeless_it_runs_with_one_hint(sealed, tmp_path):
    done = python(DRAWS, tmp_path, **sealed)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))
    assert done.stderr.count("NUMBA_CACHE_DIR") == 1
    assert len(done.stderr.splitlines()) == 1
    kept = python(DRAWS, tmp_path, **sealed | {"NUMBA_CACHE_DIR": str(tmp_path / "kept")})
    assert (kept.stdout, kept.stderr) == (done.stdout, "")
    assert list((tmp_path / "kept").rglob("*.nbi"))


COMPILES = """
from sushi_env.numerics import compiling
compiling.PATIENCE_S = 0.0
@compiling.compiled()
def inner(x):
    return x + 1
@compiling.compiled()
def outer(x):
    return inner(x) + 2
"""


def test_long_compilation_says_so_once_to_those_who_listen(tmp_path):
    (tmp_path / "late.py").write_text(COMPILES)
    listens = "import logging; logging.basicConfig(level=logging.INFO, format='%(message)s');"
    path = os.pathsep.join([str(tmp_path), *(p for p in sys.path if p)])
    call = "import late; late.outer(1); late.outer(1.5)"
    heard = python(listens + call, PYTHONPATH=path)
    assert heard.stderr.count("compiling the engine") == 1
    (tmp_path / "late.py").write_text(COMPILES + "\n")
    assert python(call, PYTHONPATH=path).stderr == ""  # a library is silent
    assert python(listens + call, PYTHONPATH=path).stderr == ""  # nothing left to compile


def test_short_compilation_is_not_worth_a_word(caplog):
    with caplog.at_level(logging.INFO):
        compiling.compiled()(lambda x: x + 1)
    assert not caplog.records
