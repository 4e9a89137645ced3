"""What strangers wrote, as messages and tables show it: no control characters, no endless text.

Everything is cut *before* it is formatted, so that a value of any size costs nothing to refuse.
"""

import reprlib

LONGEST_VALUE = 80
LONGEST_TEXT = 200

_brief = reprlib.Repr()
_brief.maxlevel = 4
_brief.maxlist = _brief.maxtuple = _brief.maxdict = _brief.maxset = _brief.maxfrozenset = 12
_brief.maxstring = _brief.maxlong = _brief.maxother = LONGEST_VALUE


def shown(value: object) -> str:
    """A stranger's value: as Python writes it, escaped, and not longer than a line."""
    if isinstance(value, str | bytes):
        text = repr(value[: LONGEST_VALUE + 1])
    else:
        try:
            text = _brief.repr(value)
        except Exception:  # an integer too long to be written, or a __repr__ that raises
            text = f"<{type(value).__name__}>"
    return plain(text, LONGEST_VALUE)


def plain(text: object, longest: int = LONGEST_TEXT) -> str:
    """A stranger's text without quotes: one line, escaped, and at most `longest` characters.

    Args:
        text: A name, a path, or an exception.
        longest: Characters from which on it is cut.

    Returns:
        Printable characters only: what ends a line becomes a space, and what moves a terminal's
        cursor, turns the direction of writing, or is no character at all becomes an escape.
    """
    try:
        line = str(text)
    except Exception:  # a stranger's exception may have a __str__ that raises
        line = f"<{type(text).__name__}>"
    line = line[: longest + 1]
    if not line.isprintable():
        line = "".join(c if c.isprintable() else _escaped(c) for c in " ".join(line.split()))
    return line if len(line) <= longest else line[: longest - 3] + "..."


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
