"""Ways to spoil a file: bytes, lines and the values of documents; all drawn from one generator."""

import copy
import csv
import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import yaml

from sushi_accel import SushiAbs
from sushi_accel.table.table_file import table_digest

Rng = np.random.Generator

ESCAPE = "\x1b[2J\x1b]0;owned\x07\u202e"
"""Clears a terminal, names its window, and turns the direction of writing."""

TOKENS = (
    b"\0", b"\x1b[2J", b"\xff\xfe", b"\xed\xa0\x80", b"\r", b"\n\n", b"\t", b'"', b"'", b"[", b"{",
    b"}", b":", b",", b";", b"&a ", b"*a", b"<<: ", b"!!python/object/apply:os.system ['true']",
    b"!!timestamp a", b"!!binary x", b"nan", b".inf", b"1e999", b"-1", b"-0", b"9" * 400, b"1:30",
    b"0,122", b"null", b"true", b"2001-13-45", b"\xe2\x80\xae", b"PK\x05\x06", b"# ", b"---\n",
)  # fmt: skip

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 0.5, -0.0, 1e-320, 1e-300, 1e15, 1e30, 1e300, -1e300, 2**31, 2**53,
    2**63, 2**64, 10**400, float("nan"), float("inf"), float("-inf"), "", "x", "nan", "\0",
    ESCAPE, "x" * 100_000, "9" * 5_000, "\ud800", [], {}, [[]], [None], {"": 0}, {ESCAPE: ESCAPE},
    [0] * 20_000, "../../../../etc/passwd", "/dev/zero", "a\nb", "1e5", [1, "2", None, {}],
)  # fmt: skip

NAMES = ("", "load", "__class__", ESCAPE, "\0", "x" * 5_000, "kind", "0")


def nested(levels: int) -> Any:
    """Lists and mappings within one another."""
    value: Any = 0
    for level in range(levels):
        value = {"a": value} if level % 2 else [value]
    return value


def any_value(rng: Rng) -> Any:
    if rng.random() < 0.06:
        return nested(int(rng.choice([10, 60, 70, 300])))
    return copy.deepcopy(VALUES[rng.integers(len(VALUES))])


def spoil_bytes(raw: bytes, rng: Rng) -> bytes:
    """Flipped bits, pieces cut off, cut out, doubled or put in."""
    spoiled = bytearray(raw)
    for _ in range(int(rng.choice([1, 1, 2, 8]))):
        at, to = sorted(int(n) for n in rng.integers(len(spoiled) + 1, size=2))
        what = rng.integers(6)
        if what <= 1 and at < len(spoiled):
            spoiled[at] ^= 1 << int(rng.integers(8))
        elif what == 2:
            del spoiled[at:]
        elif what == 3:
            del spoiled[at : min(to, at + 64)]
        elif what == 4:
            spoiled[at:at] = spoiled[at : min(to, at + 4096)]
        else:
            spoiled[at:at] = TOKENS[rng.integers(len(TOKENS))]
    return bytes(spoiled)


def spoil_value(document: Any, rng: Rng) -> Any:
    """A document with some of its values replaced, keys added, renamed or taken away."""
    document = json.loads(json.dumps(document))
    for _ in range(int(rng.choice([1, 1, 2, 5]))):
        inner = document
        while True:
            if not isinstance(inner, dict | list) or not inner:
                return any_value(rng)
            keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
            key = keys[rng.integers(len(keys))]
            if isinstance(inner[key], dict | list) and inner[key] and rng.random() < 0.8:
                inner = inner[key]
                continue
            break
        what = rng.integers(8)
        if what == 0:
            del inner[key]
        elif what == 1 and isinstance(inner, dict):
            inner[NAMES[rng.integers(len(NAMES))]] = any_value(rng)
        elif what == 2 and isinstance(inner, dict):
            inner[NAMES[rng.integers(len(NAMES))]] = inner.pop(key)
        elif what == 3 and isinstance(inner, list):
            inner *= int(rng.choice([2, 100]))
        elif what == 4 and type(inner[key]) in (int, float):
            with suppress(OverflowError):  # a whole number that was put in may be too large
                inner[key] *= float(rng.choice([-1, 1e-300, 1e-9, 1e9, 1e300]))
        else:
            inner[key] = any_value(rng)
    return document


def spoil_json(raw: bytes, rng: Rng) -> bytes:
    return json.dumps(spoil_value(json.loads(raw), rng)).encode()


def spoil_yaml(raw: bytes, rng: Rng) -> bytes:
    spoiled = spoil_value(yaml.safe_load(raw), rng)
    if rng.random() < 0.5:
        return json.dumps(spoiled).encode()
    return yaml.safe_dump(spoiled, sort_keys=False).encode("utf-8", "surrogatepass")


def spoil_lines(raw: bytes, rng: Rng) -> bytes:
    """JSON lines of which one is spoiled, doubled, moved or taken away."""
    lines = raw.splitlines(keepends=True)
    at = int(rng.integers(len(lines)))
    what = rng.integers(5)
    if what == 0:
        del lines[at]
    elif what == 1:
        lines.insert(int(rng.integers(len(lines) + 1)), lines[at])
    else:
        prefix, brace, rest = lines[at].partition(b"{")
        if prefix.strip() in (b"", b"["):  # else a journal's fingerprint comes first
            prefix, brace, rest = b"", b"", lines[at]
        lines[at] = prefix + spoil_json(brace + rest, rng) + b"\n"
    return b"".join(lines)


def spoil_cells(raw: bytes, rng: Rng) -> bytes:
    """A CSV with spoiled cells, names of columns, rows or delimiters."""
    rows = list(csv.reader(io.StringIO(raw.decode())))
    for _ in range(int(rng.choice([1, 1, 3]))):
        row = rows[rng.integers(len(rows)) if rng.random() < 0.9 else 0]
        at = int(rng.integers(len(row))) if row else 0
        what = rng.integers(6)
        if what == 0 or not row:
            row.insert(at, str(any_value(rng)))
        elif what == 1:
            del row[at]
        elif what == 2:
            row[at] = row[rng.integers(len(row))]
        else:
            row[at] = str(any_value(rng))
    text = io.StringIO()
    delimiter = str(rng.choice([",", ",", ",", ";", "\t"]))
    try:
        csv.writer(text, delimiter=delimiter).writerows(rows)
    except csv.Error:
        text.write("\n".join(delimiter.join(row) for row in rows))
    return text.getvalue().encode("utf-8", "surrogatepass")


def packed(spoil: Callable[[bytes, Rng], bytes]) -> Callable[[bytes, Rng], bytes]:
    """Spoils what is inside of a gzipped file."""

    def spoil_inside(raw: bytes, rng: Rng) -> bytes:
        return gzip.compress(spoil(gzip.decompress(raw), rng), mtime=0)

    return spoil_inside


def spoil_npz(raw: bytes, rng: Rng) -> bytes:
    """An archive of arrays with a spoiled header, array, name, or type."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    name = list(entries)[rng.integers(len(entries))]
    what = rng.integers(6)
    if what == 0:
        entries[ESCAPE + name] = entries.pop(name)
    elif what == 1:
        entries[name] = spoil_bytes(entries[name], rng)
    elif what == 2:
        entries["header.npy"] = _array(np.array(json.dumps(any_value(rng))))
    elif what == 3:
        header = json.loads(str(np.load(io.BytesIO(entries["header.npy"]))))
        entries["header.npy"] = _array(np.array(json.dumps(spoil_value(header, rng))))
    else:
        values = np.load(io.BytesIO(entries[name]))
        with np.errstate(all="ignore"):
            changes: list[Callable[[], Any]] = [
                lambda: values.astype("U8"),
                lambda: values[None],
                lambda: values.ravel(),
                lambda: np.zeros(0),
                lambda: np.zeros(2**18),
                lambda: values.astype(np.float64) * float(rng.choice([1e-300, 1e15, 1e300, -1])),
                lambda: np.full(values.shape, np.nan),
                lambda: values.astype("f2"),
                lambda: np.zeros(3, dtype=[("a", "f8"), (ESCAPE, "f8")]),
            ]
            try:
                entries[name] = _array(changes[rng.integers(len(changes))]())
            except ValueError:  # the header's text is no number
                entries[name] = b""
    with suppress(Exception):
        _sign(entries)
    packed_again = io.BytesIO()
    with zipfile.ZipFile(packed_again, "w") as archive:
        for entry, contents in entries.items():
            archive.writestr(entry, contents)
    return packed_again.getvalue()


def _sign(entries: dict[str, bytes]) -> None:
    """Replaces the digest by the one that the spoiled table has, as a stranger would."""
    contents = {name[:-4]: np.load(io.BytesIO(raw)) for name, raw in entries.items()}
    header = json.loads(str(contents.pop("header")))
    table = object.__new__(SushiAbs)
    for name, value in (header | contents).items():
        object.__setattr__(table, name, value)
    header["digest"] = table_digest(table)
    entries["header.npy"] = _array(np.array(json.dumps(header)))


def _array(values: np.ndarray) -> bytes:
    written = io.BytesIO()
    np.save(written, values, allow_pickle=False)
    return written.getvalue()


def spoil_safetensors(raw: bytes, rng: Rng) -> bytes:
    """Tensors with a spoiled header, or with numbers as large as float32 does not hold."""
    (length,) = struct.unpack("<Q", raw[:8])
    header, data = json.loads(raw[8 : 8 + length]), raw[8 + length :]
    name = list(header)[rng.integers(len(header))]
    what = rng.integers(4)
    if what == 0:
        header[ESCAPE] = header.pop(name)
    elif what == 1:
        # As the same bytes in fewer, wider numbers; or, of another type, in as many.
        kinds = ["F64", "F8_E4M3", "F8_E5M2", "I32", "U8", "BOOL", "BF16", "F16", "C64", "I64"]
        header[name]["dtype"] = str(rng.choice(kinds))
    elif what == 2:
        data = np.frombuffer(data, dtype="<f4").astype("<f8")
        data = (data * float(rng.choice([1, 1e300, np.nan, 1e-300]))).tobytes()
        for entry in header.values():
            entry["dtype"] = "F64"
            entry["data_offsets"] = [2 * n for n in entry["data_offsets"]]
    else:
        header = spoil_value(header, rng)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def spoil_checkpoint(raw: bytes, rng: Rng) -> bytes:
    """Spoiled state or arrays of a run, with the digest that they have then."""
    from safetensors.numpy import load, save

    from sushi_agents.learning.plain_state import _digest

    length = int.from_bytes(raw[:8], "little")
    about = json.loads(raw[8 : 8 + length])["__metadata__"]
    arrays = load(raw)
    if rng.random() < 0.5:
        about["state"] = json.dumps(spoil_value(json.loads(about["state"]), rng))
    else:
        name = list(arrays)[int(rng.integers(len(arrays)))]
        values = np.array(arrays[name])
        what = rng.integers(3)
        if what == 0 or values.size == 0:
            arrays[name] = values.ravel()[:1].astype("f8")
        elif what == 1:
            values.reshape(-1).view(np.uint8)[:] = int(rng.choice([0, 127, 128, 255]))
            arrays[name] = values
        else:
            raw_values = values.reshape(-1).view(np.uint8)
            at = rng.integers(len(raw_values), size=40)
            raw_values[at] = rng.integers(256, size=40)
            arrays[name] = values
    about["sha256"] = _digest(about["state"], arrays)
    return save(arrays, about)


def whole_files() -> dict[str, bytes]:
    """What may lie in place of any file."""
    return {
        "empty": b"",
        "a NUL": b"\0",
        "zeros": bytes(2**20),
        "long line": b"x" * 2**21,
        "lines": b"a: 1\n" * 200_000,
        "brackets": b"[" * 100_000,
        "braces": b'{"a":' * 50_000,
        "closed brackets": b"[" * 50_000 + b"]" * 50_000,
        "indented": b"".join(b" " * n + b"a:\n" for n in range(500)),
        "anchors": bomb("[{}]"),
        "merge keys": bomb("{{<<: [{}]}}", first="{a: 1, b: 2}"),
        "anchor in itself": b"&a [*a]",
        "duplicate": b"name: a\nname: b\n",
        "duplicate in JSON": b'{"name": 1, "name": 2}\n',
        "tag": b"!!python/object/apply:os.system ['true']",
        "number": b"a: " + b"9" * 200_000,
        "number in base 60": b"a: " + b":".join([b"59"] * 20_000),
        "number in JSON": b'{"a": ' + b"9" * 200_000 + b"}\n",
        "UTF-16": "name: a\n".encode("utf-16"),
        "not UTF-8": b"\xff\xfe\xff\n",
        "gzip": gzip.compress(bytes(2**24), mtime=0),
        "script": b"#!/bin/sh\ntrue\n",
        "zip": _zip_of_many(),
        "pickle": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
    }


def bomb(form: str, first: str = "[a]") -> bytes:
    """A YAML document in which each of 9 lines stands for ten times the one before."""
    lines = [f"l0: &l0 {first}"]
    for level in range(1, 10):
        lines.append(f"l{level}: &l{level} " + form.format(", ".join([f"*l{level - 1}"] * 10)))
    return "\n".join(lines).encode()


def _zip_of_many() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for number in range(2_000):
            archive.writestr(f"{number}.npy", b"")
    return written.getvalue()


def spoiled(raw: bytes, spoils: Sequence[Callable[[bytes, Rng], bytes]], rng: Rng) -> bytes:
    """A file spoiled in one of the ways of its kind, or, as every second one, in its bytes."""
    if not spoils or rng.random() < 0.4:
        return spoil_bytes(raw, rng)
    return spoils[int(rng.integers(len(spoils)))](raw, rng)
