"""What an unfinished run has done so far, kept beside its output until it is complete.

The first line says what the run is of; a run of anything else starts anew. Then comes a line of
rows for every task done, in the order in which they ended. A line that a killed run left half
written is cut off.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from sushi_accel.files.json_text import parse_json
from sushi_accel.files.reading import read_bytes
from sushi_bench.results.files import (
    MAX_FILE_BYTES,
    Header,
    Row,
    expected_keys,
    header_line,
    parse_row,
)
from sushi_bench.running.suite_tasks import Task
from sushi_env import InputError

SUFFIX = ".partial"


class Journal:
    """The journal of one result file.

    Args:
        output: The result file to come.
        header: Its header.
        fingerprint: Digest of the policy's code or weights; another one starts the run anew.
    """

    def __init__(self, output: Path, header: Header, fingerprint: str):
        self.path = output.with_name(output.name + SUFFIX)
        self._first = (fingerprint + " " + header_line(header)).encode()
        self._expected = set(expected_keys(header))
        self._file: BinaryIO | None = None
        self.rows: dict[tuple[str, int], Row] = {}

    def open(self) -> bool:
        """Reads what an earlier run left, and gets ready to append.

        Returns:
            Whether something was left of another run, which is now gone.

        Raises:
            InputError: If the file cannot be read or written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            left = b""
            if self.path.exists():
                left = read_bytes(self.path, str(self.path), MAX_FILE_BYTES)
            other = not left.startswith(self._first)
            kept = self._first if other else self._read(left)
            self._file = self.path.open("r+b" if left else "wb")
            self._file.write(kept)
            self._file.truncate()
            self._file.flush()
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({error.strerror})") from None
        return other and bool(left)

    def _read(self, left: bytes) -> bytes:
        """Takes the rows of every whole line, and returns the part of the file that is whole."""
        whole = len(self._first)
        for line in left[len(self._first) :].splitlines(keepends=True):
            try:
                found = parse_json(line, str(self.path))
                rows = [parse_row(json.dumps(row), str(self.path)) for row in found]
            except (InputError, TypeError):
                break
            if not line.endswith(b"\n") or not self._expected >= {
                (r.scenario, r.seed) for r in rows
            }:
                break
            self.rows |= {(row.scenario, row.seed): row for row in rows}
            whole += len(line)
        return left[:whole]

    def has(self, task: Task) -> bool:
        """Whether a task is done."""
        return all((task.scenario, task.seed + k) in self.rows for k in range(task.episodes))

    def add(self, rows: Sequence[Row]) -> None:
        """Notes a task's rows; a process killed right after this call has noted them.

        Raises:
            InputError: If the disk is full.
        """
        assert self._file is not None
        line = "[" + ", ".join(row.as_line().strip() for row in rows) + "]\n"
        try:
            self._file.write(line.encode())
            self._file.flush()
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({error.strerror})") from None
        self.rows |= {(row.scenario, row.seed): row for row in rows}

    def close(self, remove: bool = False) -> None:
        """Closes the file, and removes it once its rows are where they belong."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if remove:
            self.path.unlink(missing_ok=True)
