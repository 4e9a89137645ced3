"""Tables of rows from strangers: CSV, packed or not, read and validated row by row."""

import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path

from sushi_accel.errors import InputError
from sushi_accel.files.documents import Model, validate
from sushi_accel.files.reading import reading

MAX_LINES = 50_000_000
MAX_LINE_CHARACTERS = 64 * 1024


def read_rows(
    path: str | Path, where: str, model: type[Model], max_bytes: int
) -> Iterator[tuple[str, Model]]:
    """Reads a CSV of UTF-8 text with a header, gzipped if its name ends in `.gz`.

    Columns are the model's fields, by name; others are ignored. An empty field of a column that
    is not required counts as not given. Blank lines are skipped. A row with more fields than
    the header is refused, as it has a comma where none was meant (`0,122` for 0.122).

    Args:
        path: The file.
        where: What it is, for messages.
        model: What a row must be.
        max_bytes: Size above which the file is refused unread.

    Yields:
        What and in which line each row is, for messages, and the row.

    Raises:
        InputError: If the file cannot be read, is no such CSV, or a row is not what it must be;
            the message names the line.
    """
    with reading(path, where, max_bytes) as file:
        binary = gzip.GzipFile(fileobj=file) if Path(path).suffix == ".gz" else file
        try:
            with io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as text:
                yield from _validated(csv.reader(_lines(text, where)), where, model)
        except (UnicodeDecodeError, csv.Error):
            raise InputError(f"{where}: not a CSV file of UTF-8 text") from None


def _validated(reader, where: str, model: type[Model]) -> Iterator[tuple[str, Model]]:
    header = [name.strip() for name in next(reader, [])]
    needed = [name for name, field in model.model_fields.items() if field.is_required()]
    if reader.line_num == 0:
        names = ", ".join(map(repr, needed))
        raise InputError(f"{where}: is empty, must begin with a header that names {names}")
    for name in needed:
        if name not in header:
            raise InputError(f"{where}: column {name!r} is missing; needed: {', '.join(needed)}")
    columns = [(name, header.index(name)) for name in model.model_fields if name in header]
    for name, _ in columns:
        if header.count(name) > 1:
            raise InputError(f"{where}: column {name!r} stands there twice")
    last = max(number for _, number in columns)
    for row in reader:
        if not row:
            continue
        here = f"{where}, line {reader.line_num}"
        if not last < len(row) <= len(header):
            hint = ": is a decimal comma among them?" if len(row) > len(header) else ""
            raise InputError(f"{here}: {len(row)} fields, the header has {len(header)}{hint}")
        given = {name: row[n] for name, n in columns if name in needed or row[n].strip()}
        yield here, validate(model, given, here)


def _lines(text: io.TextIOWrapper, where: str) -> Iterator[str]:
    """Lines of bounded length and number.

    So neither a file without line ends nor a small archive of a huge file is read to its end.
    """
    number = 0
    while line := text.readline(MAX_LINE_CHARACTERS + 1):
        number += 1
        if number > MAX_LINES:
            raise InputError(f"{where}, line {number}: more than {MAX_LINES} lines")
        if len(line) > MAX_LINE_CHARACTERS:
            raise InputError(
                f"{where}, line {number}: longer than {MAX_LINE_CHARACTERS} characters"
            )
        yield line
