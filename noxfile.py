"""Environments of their own, for what cannot share one: `nox -s NAME`; `nox --list` lists them.

RLlib pins an older Gymnasium, MO-Gymnasium wants another pygame than the extra `render`, and the
lowest and the highest versions that pyproject.toml allows exclude each other. PyTorch is the
version of constraints.txt everywhere: it is large, and nothing here depends on which it is.
"""

import re
import tomllib
from pathlib import Path

import nox

ROOT = Path(__file__).parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = dict(
    line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
)
TORCH = f"torch=={PINS['torch']}"
PYTEST = [f"{name}=={PINS[name]}" for name in ("pytest", "hypothesis")]
INTERFACES = [
    "tests/env/test_interfaces.py",
    "tests/env/test_vector_env.py",
    "tests/env/test_wrappers.py",
    "tests/env/test_semantics.py",
    "tests/env/test_determinism.py",
    "tests/agents/test_training.py",
]
"""The tests of what Gymnasium, NumPy and Stable-Baselines3 see of this project."""

nox.options.sessions = ["minimum", "newest"]
nox.options.reuse_existing_virtualenvs = True


def lowest(*extras: str) -> list[str]:
    """Requirements of the package and its extras, each at the lowest version it allows."""
    stated = list(PYPROJECT["dependencies"])
    for extra in extras:
        stated += PYPROJECT["optional-dependencies"][extra]
    pinned = [re.sub(r">=([\w.]+)", r"==\1", requirement) for requirement in stated]
    return [TORCH if requirement.startswith("torch=") else requirement for requirement in pinned]


@nox.session
def minimum(session: nox.Session) -> None:
    """The interfaces with the lowest versions that pyproject.toml allows."""
    session.install(*lowest("train", "render"), *PYTEST, ".")
    show_and_test(session, "-W", "ignore::DeprecationWarning")  # of old libraries in others


@nox.session
def newest(session: nox.Session) -> None:
    """The interfaces with the newest versions there are, whatever constraints.txt says."""
    session.install("--upgrade", "--upgrade-strategy", "eager", TORCH, ".[train,render]", *PYTEST)
    show_and_test(session)


def show_and_test(session: nox.Session, *options: str) -> None:
    """Says which versions were found, and runs the tests of the interfaces."""
    names = ("gymnasium", "numpy", "stable-baselines3", "sb3-contrib", "numba", "torch")
    code = f"import importlib.metadata as m; print(*(f'{{n}} {{m.version(n)}}' for n in {names!r}))"
    session.run("python", "-c", code)
    session.run("pytest", "-p", "no:cacheprovider", *options, *INTERFACES, *session.posargs)


@nox.session
def mo_gymnasium(session: nox.Session) -> None:
    """MO-Gymnasium's registry, wrappers and reward checks on the vector reward."""
    session.install("mo-gymnasium>=1.3", *PYTEST, ".", "-c", "constraints.txt")
    session.run("pytest", "-p", "no:cacheprovider", "-m", "", "tests/ecosystem/mo_gymnasium.py")


@nox.session
def rllib(session: nox.Session) -> None:
    """RLlib's PPO on the environment, by the Gymnasium that RLlib pins."""
    pins = [f"{name}=={PINS[name]}" for name in ("numpy", "numba", "scipy")]
    session.install("ray[rllib]>=2.50", TORCH, *pins, *PYTEST, ".")
    session.run("pytest", "-p", "no:cacheprovider", "-m", "", "tests/ecosystem/rllib.py")


@nox.session
def envpool(session: nox.Session) -> None:
    """One training loop on EnvPool's environments and on `gymnasium.make_vec`'s."""
    session.install("envpool>=1.1", *PYTEST, ".", "-c", "constraints.txt")
    session.run("pytest", "-p", "no:cacheprovider", "-m", "", "tests/ecosystem/envpool_loop.py")


@nox.session
def torchrl(session: nox.Session) -> None:
    """TorchRL's environments, single and batched, with every info registered."""
    session.install("torchrl>=0.10", TORCH, *PYTEST, ".", "-c", "constraints.txt")
    old = ("-W", "ignore::DeprecationWarning")  # of its own
    session.run(
        "pytest", "-p", "no:cacheprovider", "-m", "", *old, "tests/ecosystem/torchrl_envs.py"
    )


@nox.session
def rl_zoo3(session: nox.Session) -> None:
    """RL Baselines3 Zoo, installed within constraints.txt, trains on the environment."""
    session.install("rl_zoo3>=2.6", TORCH, *PYTEST, ".[train]", "-c", "constraints.txt")
    session.run("pytest", "-p", "no:cacheprovider", "-m", "", "tests/ecosystem/zoo_training.py")
