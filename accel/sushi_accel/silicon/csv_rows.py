"""CSV files from strangers, read and validated row by row."""

import csv
from collections.abc import Iterator
from pathlib import Path

from sushi_accel.errors import InputError
from sushi_accel.files.documents import Model, validate

MAX_FILE_BYTES = 64 * 1024**2


def read_rows(
    path: str | Path, where: str, model: type[Model], max_bytes: int
) -> Iterator[tuple[str, Model]]:
    """Reads a CSV of UTF-8 text with a header.

    Columns are the model's fields, by name; others are ignored. An empty field of a column that
    is not required counts as not given.

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
    needed = [name for name, field in model.model_fields.items() if field.is_required()]
    try:
        if Path(path).stat().st_size > max_bytes:
            raise InputError(f"{where}: larger than {max_bytes} bytes")
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            for name in needed:
                if name not in (reader.fieldnames or ()):
                    raise InputError(
                        f"{where}: column {name!r} is missing; needed: {', '.join(needed)}"
                    )
            for row in reader:
                here = f"{where}, line {reader.line_num}"
                if None in row or None in row.values():
                    raise InputError(f"{here}: has not as many fields as the header")
                given = {
                    name: row[name]
                    for name in model.model_fields
                    if name in row and (name in needed or row[name].strip())
                }
                yield here, validate(model, given, here)
    except OSError as error:
        raise InputError(f"{where}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{where}: not a CSV file of UTF-8 text") from None
