"""Paths that several tests need, and no windows."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # check_env tries render_mode="human" too

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def measured_csv() -> Path:
    path = SHARED_DATA / "hw" / "zcu104_resnet50_layers.csv"
    if not path.exists():
        pytest.skip(f"measured latencies not found at {path}")
    return path


@pytest.fixture(scope="session")
def edgetpu_csvs() -> tuple[Path, Path]:
    layers, networks = (
        SHARED_DATA / "hw" / f"edgetpu_{name}.csv" for name in ("layers", "networks")
    )
    for path in (layers, networks):
        if not path.exists():
            pytest.skip(f"measured latencies not found at {path}")
    return layers, networks


@pytest.fixture(scope="session")
def recorded_traces() -> Path:
    path = SHARED_DATA / "traces"
    if not path.exists():
        pytest.skip(f"recorded traces not found at {path}")
    return path
