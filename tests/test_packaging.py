"""What is built installs into an empty environment and works there, without the checkout."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from chosen import TRACE

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGES = {
    "sushi_accel": ROOT / "accel" / "sushi_accel",
    "sushi_env": ROOT / "sushi_env",
    "sushi_agents": ROOT / "agents" / "sushi_agents",
    "sushi_bench": ROOT / "benchmarks" / "sushi_bench",
}


def run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Runs a command that must not see the checkout's packages."""
    hidden = {"PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, cwd=cwd, env=environment
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done


@pytest.fixture(scope="session")
def distributions(tmp_path_factory) -> tuple[Path, Path]:
    """A wheel, and the sdist that it was built from."""
    pytest.importorskip("build")
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT)
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="session")
def installed(distributions, tmp_path_factory) -> Path:
    """The Python of an environment that holds the wheel and what it requires."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pins = ROOT / "constraints.txt"
    probe = subprocess.run(
        [*map(str, pip), "--dry-run", "--no-deps", "-c", str(pins), "annotated-types"],
        capture_output=True,
    )
    if probe.returncode:
        pytest.skip("pip reaches no package index")
    run(*pip, "-c", pins, distributions[0])
    return python


def data_files() -> set[str]:
    """Files of the packages that are no Python, as a wheel names them."""
    tracked = run("git", "ls-files").stdout.split()
    found = set()
    for name, folder in PACKAGES.items():
        for path in tracked:
            full = ROOT / path
            if full.is_relative_to(folder) and full.suffix != ".py":
                found.add(f"{name}/{full.relative_to(folder).as_posix()}")
    return found


@pytest.mark.slow
def test_the_wheel_holds_every_data_file_and_nothing_else(distributions):
    names = set(zipfile.ZipFile(distributions[0]).namelist())
    wanted = data_files()
    assert {f"{name}/py.typed" for name in PACKAGES} <= wanted
    assert "sushi_env/traces/chat.csv.gz" in wanted
    assert wanted <= names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


@pytest.mark.slow
def test_the_sdist_has_what_make_needs(distributions):
    with tarfile.open(distributions[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {"Makefile", "constraints.txt", "pyproject.toml", "LICENSE", "noxfile.py"}
    needed |= {"mkdocs.yml", "docs/index.md", "docs/notebooks/schedulers.ipynb"}
    assert needed <= names
    assert "tests/test_readme.py" in names
    assert not any(name.startswith((".venv", ".nox", "runs")) for name in names)


@pytest.mark.slow
def test_the_readme_works_in_an_empty_environment(installed, tmp_path):
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    ten_lines = blocks[0]
    assert ten_lines.count("\n") <= 12
    done = run(installed, "-W", "error", "-I", "-c", ten_lines, cwd=tmp_path)
    utility, latency = map(float, done.stdout.split())
    assert 0 < utility < 1
    assert latency > 0
    where = run(installed, "-I", "-c", "import sushi_env; print(sushi_env.__file__)", cwd=tmp_path)
    assert str(ROOT) not in where.stdout


@pytest.mark.slow
def test_the_command_works_in_an_empty_environment(installed, tmp_path):
    sushi = installed.with_name("sushi")
    (tmp_path / "mine.py").write_text(
        re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)[2]
    )
    assert TRACE in run(sushi, "list", "scenarios", cwd=tmp_path).stdout
    compared = ["--policy", "mine:Hasty", "--policy", "slackfit", "--episodes", "2"]
    trace = ["evaluate", "--scenario", TRACE]
    assert "mine:Hasty" in run(sushi, *trace, *compared, cwd=tmp_path).stdout
    run(sushi, "accel", "table", "--supernet", "mobilenetv3", "--json", cwd=tmp_path)


@pytest.mark.slow
def test_what_needs_an_extra_says_so_in_one_line(installed, tmp_path):
    sushi = str(installed.with_name("sushi"))
    for command, extra in (
        (["train", "--out", "x"], "train"),
        (["render", "--out", "x.gif"], "render"),
        (["record", "--policy", "random", "--out", "x-v0"], "record"),
        (["export", "--model", "random", "--out", "x.onnx"], "onnx"),
        (["evaluate", "--policy", "x.onnx"], "onnx"),
        (["evaluate", "--policy", "x.zip", "--trust"], "train"),
        (["evaluate", "--policy", "x.json"], "train"),
        (["tune", "--out", "x"], "tune"),
        (["accel", "table", "--plot", "x.png"], "plot"),
        (["bench", "page", "--out", "x"], "page"),
        (["bench", "run", "--policy", "random", "--backend", "ray"], "ray"),
    ):
        done = subprocess.run([sushi, *command], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 2, (command, done)
        assert done.stderr.count("\n") == 1, done.stderr
        assert "pip install 'sushi-env[" in done.stderr
        assert extra in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("extra", sorted(PROJECT["optional-dependencies"]))
def test_extras_resolve(extra, installed, distributions, tmp_path):
    pip = [installed, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    wanted = f"sushi-env[{extra}] @ {distributions[0].as_uri()}"
    pins = ROOT / "constraints.txt"
    run(*pip, "--dry-run", "-c", pins, wanted, cwd=tmp_path)
