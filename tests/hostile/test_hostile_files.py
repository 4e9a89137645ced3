"""Whatever lies in place of a file, its reader refuses it in one line or reads it: see `run.py`."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hostile.mutations import whole_files
from hostile.readers import READERS
from hostile.run import attack
from hostile.watching import fault_of
from sushi_accel.files.yaml_text import parse_yaml
from sushi_env import InputError

INPUTS = 16
MADE = {"journal"}
"""What is begun, in a new folder, if it is not there."""


def fifo(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.mkdir()


def nowhere(path: Path) -> None:
    path.symlink_to(path.with_name("nothing"))


def itself(path: Path) -> None:
    path.symlink_to(path)


def listening(path: Path) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # as a socket's path must be short
    try:
        with socket.socket(socket.AF_UNIX) as found:
            found.bind(path.name)
    finally:
        os.chdir(before)


def huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**42)


SPECIAL = (fifo, endless, folder, nowhere, itself, listening, huge)


@pytest.mark.parametrize("name", READERS)
def test_spoiled_files_are_read_or_refused_in_one_line(name: str, tmp_path: Path):
    found = attack(READERS[name], INPUTS, 1, tmp_path, whole=False)
    assert found.faults == {}
    assert found.inputs == INPUTS


@pytest.mark.parametrize("name", READERS)
def test_what_is_no_file_is_refused_at_once(name: str, tmp_path: Path):
    """Pipes have no end, devices neither; and a sparse file is larger than any memory."""
    reader = READERS[name]
    for make in SPECIAL:
        (inside := tmp_path / make.__name__).mkdir()
        path = reader.place(None, inside)
        make(path)
        fault, refused, _ = fault_of(reader.read, path)
        assert fault is None, make.__name__
        assert refused, make.__name__


@pytest.mark.parametrize("name", READERS)
def test_what_can_be_no_path_is_refused(name: str, tmp_path: Path):
    path = READERS[name].place(None, tmp_path)
    for odd in ("a\0b", "\udcff\ud800", "x" * 5_000, "\x1b[2J"):
        strange = tmp_path / odd / path.name if path.parent == tmp_path else path
        fault, refused, _ = fault_of(READERS[name].read, strange)
        assert fault is None, repr(odd[:10])
        assert refused or name in MADE, repr(odd[:10])


def test_documents_that_stand_for_more_than_there_is_memory_are_refused():
    for name in ("anchors", "merge keys", "anchor in itself", "duplicate", "tag", "brackets"):
        fault, refused, _ = fault_of(
            lambda _, name=name: parse_yaml(whole_files()[name], "x"), Path("x")
        )
        assert (fault, refused) == (None, True), name


def test_a_hang_a_traceback_and_a_long_message_are_noticed():
    """The judge itself: what it would say of readers that are wrong."""

    def hangs(path: Path) -> None:
        while True:
            pass

    def floods(path: Path) -> None:
        bytearray(2**31)

    def breaks(path: Path) -> None:
        raise KeyError("x")

    def prints(path: Path) -> None:
        print("x")

    def rambles(path: Path) -> None:
        raise InputError("x" * 900)

    said: dict[Callable[[Path], None], str] = {
        floods: "MemoryError",
        breaks: "KeyError: 'x'",
        prints: "prints 'x",
        rambles: "900 characters",
    }
    for read, fault in said.items():
        assert (fault_of(read, Path("x"))[0] or "").startswith(fault)
    assert "HungError" in (fault_of(hangs, Path("x"), most_s=0.05)[0] or "")


@pytest.mark.slow
def test_five_thousand_spoiled_files():
    command = [sys.executable, str(Path(__file__).with_name("run.py")), "--inputs", "5000"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert " 0 faults, at most " in ended.stdout
