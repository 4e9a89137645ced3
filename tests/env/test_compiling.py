"""Compiled functions follow changes of what they call, and are kept where nothing changed."""

import os
import subprocess
import sys
from pathlib import Path

CALLS = """
from sushi_env.numerics.compiling import compiled
from shop.price import price

@compiled()
def bill(number):
    return number * price()
"""
PRICE = """
from sushi_env.numerics.compiling import compiled

@compiled()
def price():
    return {}
"""
RUN = "from shop.bill import bill; print(bill(2), sum(bill.stats.cache_hits.values()))"


def run(folder: Path) -> list[int]:
    paths = os.pathsep.join([str(folder), *(p for p in sys.path if p)])
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
        check=True,
    )
    return [int(word) for word in done.stdout.split()]


def test_a_change_elsewhere_is_compiled_in(tmp_path):
    package = tmp_path / "shop"
    package.mkdir()
    for name, text in (("__init__", ""), ("bill", CALLS), ("price", PRICE.format(3))):
        (package / f"{name}.py").write_text(text)
    assert run(tmp_path) == [6, 0]
    assert run(tmp_path) == [6, 1]
    (package / "price.py").write_text(PRICE.format(40))
    assert run(tmp_path) == [80, 0]
    assert run(tmp_path) == [80, 1]
