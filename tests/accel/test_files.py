"""Boards, SuperNets and tables as files: what goes out comes back, what is wrong is refused."""

import json
import tracemalloc
from dataclasses import fields

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sushi_accel import (
    Board,
    ConvLayer,
    InputError,
    SubNet,
    SuperNet,
    board_names,
    build_candidates,
    build_table,
    get_board,
    get_supernet,
    load_board,
    load_supernet,
    load_table,
    save_board,
    save_supernet,
    save_table,
    supernet_names,
)
from sushi_accel.files.reading import read_bytes
from sushi_accel.table.table_file import table_digest


def refused(load, path, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.fixture
def tiny() -> SuperNet:
    layers = (ConvLayer(0, 8, 3, 3, 2, 1, 32), ConvLayer(2, 8, 8, 5, 1, 2, 16, depthwise=True))
    return SuperNet("tiny", 3, (SubNet("s", 70.5, 32, layers[:1]), SubNet("l", 71.0, 32, layers)))


@pytest.mark.parametrize("name", board_names())
def test_boards_come_back(name, tmp_path):
    save_board(get_board(name), tmp_path / "b.yaml")
    assert load_board(tmp_path / "b.yaml") == get_board(str(tmp_path / "b.yaml")) == get_board(name)
    assert [p.name for p in tmp_path.iterdir()] == ["b.yaml"]


@pytest.mark.parametrize("name", supernet_names())
def test_supernets_come_back(name, tmp_path):
    save_supernet(get_supernet(name), tmp_path / "n.yml")
    loaded = load_supernet(tmp_path / "n.yml")
    assert loaded == get_supernet(str(tmp_path / "n.yml")) == get_supernet(name)
    assert [p.name for p in tmp_path.iterdir()] == ["n.yml"]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"schema_version": 2}, "= 2: written for a later release; sushi-env .* reads up to 1"),
        ({"schema_version": 0}, "schema_version = 0, known: 1"),
        ({"schema_version": None}, "key 'schema_version' is missing"),
        ({"kp": None}, "key 'kp' is missing"),
        ({"speed": 9}, "unknown key 'speed'; known: schema_version, name, clock_hz"),
        ({"kp": "many"}, "kp = 'many': "),
        ({"kp": 1.5}, "kp = 1.5: "),
        ({"kp": [1, 2]}, r"kp = \[1, 2\]: "),
        ({"kp": 0}, "kp = 0, must be finite and above 0"),
        ({"cp": -9}, "cp = -9, must be finite and above 0"),
        ({"clock_hz": float("nan")}, "clock_hz = nan, must be finite"),
        ({"bandwidth_bytes_per_s": float("inf")}, "bandwidth_bytes_per_s = inf, must be finite"),
        ({"pb_bytes": -1}, "pb_bytes = -1, must be finite and at least 0"),
        ({"pb_bytes": 10**400}, "pb_bytes = 10{400}, must be finite"),
        ({"j_per_mac": 1e300}, "j_per_mac = 1e[+]300, must be finite .*at most 1e[+]24"),
        ({"clock_hz": 1e-300}, "clock_hz = 1e-300, must be finite and above 0"),
        ({"db_bytes": 1}, "db_bytes = 1, must be at least 1296, the weights of one sweep"),
        ({"double_buffered": True, "db_bytes": 1296}, "must be at least 2592"),
        ({"double_buffered": 7}, "double_buffered = 7: "),
        ({"name": ""}, "board name '' must be 1 to 64 printable characters"),
        ({"name": "a\nb"}, r"board name 'a\\nb' must be"),
    ],
)  # fmt: skip
def test_impossible_boards_are_refused(change, match, tmp_path):
    path = tmp_path / "b.yaml"
    save_board(get_board("zcu104"), path)
    document = yaml.safe_load(path.read_text()) | change
    path.write_text(yaml.safe_dump({k: v for k, v in document.items() if v is not None}))
    refused(load_board, path, f"board file .*b.yaml: .*{match}")


def edited(document: dict, where: tuple, value: object) -> dict:
    """The document with one entry replaced, removed (None), or added."""
    document = json.loads(json.dumps(document))
    inner = document
    for key in where[:-1]:
        inner = inner[key]
    if value is None:
        del inner[where[-1]]
    else:
        inner[where[-1]] = value
    return document


LAYER = ("subnets", 1, "layers", 1)


@pytest.mark.parametrize(
    ("where", "value", "match"),
    [
        (("schema_version",), 2, "schema_version = 2: "),
        (("schema_version",), None, "key 'schema_version' is missing"),
        (("nmae",), "x", "unknown key 'nmae'; known: schema_version, name, num_slots, subnets"),
        (("name",), "two words", "name = 'two words': "),
        (("num_slots",), 0, "num_slots = 0: "),
        (("num_slots",), 10**9, "num_slots = 1000000000: "),
        (("num_slots",), 2, r"each layer needs a slot of its own in 0\.\.1, got \[0, 2\]"),
        (("subnets",), [], r"subnets = \[\]: "),
        (("subnets",), {"a": 1}, "subnets = "),
        (("subnets", 1, "name"), "s", "SubNet names must be unique"),
        (("subnets", 1, "top1"), 101, "subnets.1.top1 = 101: "),
        (("subnets", 1, "top1"), float("nan"), "subnets.1.top1 = nan: "),
        (("subnets", 1, "layers"), [], "subnets.1.layers = "),
        ((*LAYER, "slot"), 0, r"slot of its own in 0\.\.2, got \[0, 0\]"),
        ((*LAYER, "slot"), -1, "subnets.1.layers.1.slot = -1: "),
        ((*LAYER, "out_channels"), 0, "subnets.1.layers.1.out_channels = 0: "),
        ((*LAYER, "out_channels"), 2**40, "out_channels = 1099511627776: "),
        ((*LAYER, "out_channels"), 9, "layer 1: depthwise needs as many output as input"),
        ((*LAYER, "kernel"), 5.5, "kernel = 5.5: "),
        ((*LAYER, "kernel"), None, "key 'subnets.1.layers.1.kernel' is missing"),
        ((*LAYER, "kernel"), 64, "layer 1: a kernel of 64 does not fit its input"),
        ((*LAYER, "colour"), "red", "unknown key 'subnets.1.layers.1.colour'; known: slot, out"),
    ],
)  # fmt: skip
def test_impossible_supernets_are_refused(where, value, match, tiny, tmp_path):
    path = tmp_path / "n.yaml"
    save_supernet(tiny, path)
    document = edited(yaml.safe_load(path.read_text()), where, value)
    path.write_text(yaml.safe_dump(document))
    refused(load_supernet, path, f"SuperNet file .*n.yaml: .*{match}")


@pytest.mark.parametrize("load", [load_board, load_supernet])
@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "must be a mapping of keys, is NoneType"),
        (b"- 1\n- 2\n", "must be a mapping of keys, is list"),
        (b"name: [unclosed", r"not valid YAML \(line 2\)"),
        (b"a: 1\n\tb: 2\n", r"not valid YAML \(line 2\)"),
        (b"\xff\xfe\xff", "line 1: not UTF-8 text"),
        (b"name: !!python/object/apply:os.system ['true']", "not valid YAML"),
        (b"[" * 100_000, "not valid YAML"),
        (b"a: " + b"9" * 5_000, "not valid YAML"),
        (b"1: 2", "unknown key '1'|key 'schema_version' is missing|1: "),
        (b"# " + b"x" * 4 * 2**20, "4194306 bytes, more than 4194304"),
    ],
    ids=lambda value: value[:12].decode("latin-1") if isinstance(value, bytes) else "",
)
def test_what_is_no_document_is_refused(load, content, match, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    refused(load, path, match)


def test_missing_files_and_unwritable_places_are_said(tiny, tmp_path):
    table = build_table(tiny, get_board("zcu104"))
    for load in (load_board, load_supernet, load_table):
        refused(load, tmp_path / "none.yaml", "none.yaml: cannot be read")
        refused(load, tmp_path, "cannot be read|not a readable")
    for save in (
        lambda path: save_board(get_board("zcu104"), path),
        lambda path: save_supernet(tiny, path),
        lambda path: save_table(table, path),
    ):
        for path in (tmp_path / "no" / "file", tmp_path, ".", ""):
            with pytest.raises(InputError, match="cannot be written"):
                save(path)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(tiny, tmp_path, monkeypatch):
    path = tmp_path / "t.npz"
    table = build_table(tiny, get_board("zcu104"))
    save_table(table, path)
    before = path.read_bytes()

    def fails(file, **_):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", fails)
    with pytest.raises(InputError, match=r"cannot be written \(No space left on device\)"):
        save_table(table, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["t.npz"]


def test_a_board_file_has_every_field_of_a_board(tmp_path):
    save_board(get_board("zcu104"), tmp_path / "b.yaml")
    written = yaml.safe_load((tmp_path / "b.yaml").read_text())
    assert list(written) == ["schema_version", *(f.name for f in fields(Board))]


@pytest.fixture(scope="module")
def table_bytes(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("table") / "t.npz"
    save_table(build_table(get_supernet("mobilenetv3"), get_board("zcu104"), num_subgraphs=3), path)
    return path.read_bytes()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_tables_are_refused_or_unchanged(data, table_bytes, tmp_path):
    """Bytes cut off or changed anywhere: one line, or (in what no reader looks at) no effect."""
    damaged = bytearray(table_bytes[: data.draw(st.integers(0, len(table_bytes)))])
    if damaged and data.draw(st.booleans()):
        damaged = bytearray(table_bytes)
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "t.npz"
    path.write_bytes(table_bytes)
    whole = table_digest(load_table(path))
    path.write_bytes(damaged)
    outcome = whole
    try:
        outcome = table_digest(load_table(path))
    except InputError as error:
        outcome = str(error)
    assert outcome == whole or (outcome.startswith(f"table {path}: ") and "\n" not in outcome)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"pb_bytes": -5}, "pb_bytes = -5, must be an integer of at least 0"),
        ({"pb_bytes": float("nan")}, "pb_bytes = nan, must be an integer"),
        ({"subnet_names": ["A"] * 7}, "names must be text and differ"),
        ({"subnet_names": 3}, "an entry has the wrong type"),
        ({"subgraph_names": ["a", "b"]}, r"subgraph_bytes has shape \(3,\), not \(2,\)"),
        ({"supernet": "else"}, "digest .* is not the recorded"),
        ({"digest": 12}, "is not the recorded 12"),
        ({"digest": None}, "has no header of a SushiAbs table"),
        ({"schema_version": "1"}, "schema_version = '1', known: 1"),
        ({"extra": 1}, "missing or unknown entries: extra"),
        ("[" * 5_000, "header: not JSON .nested deeper than 64 levels"),
        ("[1]", "has no header of a SushiAbs table"),
    ],
    ids=str,
)
def test_headers_of_tables_are_checked(change, match, table_bytes, tmp_path):
    path = tmp_path / "t.npz"
    path.write_bytes(table_bytes)
    contents = dict(np.load(path))
    text = change
    if isinstance(change, dict):
        header = json.loads(str(contents["header"])) | change
        text = json.dumps({key: value for key, value in header.items() if value is not None})
    np.savez(path, **{**contents, "header": np.array(text)})
    refused(load_table, path, match)


def test_a_table_that_unpacks_to_too_much_is_refused_unread(tmp_path, monkeypatch):
    path = tmp_path / "t.npz"
    np.savez_compressed(path, header=np.zeros(2**20))
    refused(load_table, path, "has no header")
    monkeypatch.setattr("sushi_accel.table.table_file.MAX_FILE_BYTES", 2**20)
    assert path.stat().st_size < 2**20
    refused(load_table, path, "bytes unpacked, at most 1048576")


def test_reading_asks_for_what_there_is_and_not_for_the_limit(tmp_path):
    (tmp_path / "small").write_bytes(b"abc")
    tracemalloc.start()
    try:
        assert read_bytes(tmp_path / "small", "it", 2**28) == b"abc"
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
    assert b"processor" in read_bytes("/proc/cpuinfo", "it", 2**20)  # a file of "no" bytes
    refused(lambda path: read_bytes(path, "it", 10), "/proc/cpuinfo", "11 bytes, more than 10")


def test_tables_refuse_what_they_cannot_be_built_from(tiny):
    board = get_board("zcu104")
    with pytest.raises(InputError, match="at least one SubGraph"):
        build_table(tiny, board, [])
    others = build_table(get_supernet("resnet50"), board, num_subgraphs=1)
    assert others.num_subgraphs == 1
    foreign = build_candidates(get_supernet("resnet50"), board, 2)
    with pytest.raises(InputError, match=r"slices of shape \(61, 3\), must be \(3, 3\)"):
        build_table(tiny, board, foreign)
    with pytest.raises(InputError, match="names must be text and differ"):
        build_table(tiny, board, build_candidates(tiny, board, 1) * 2)
