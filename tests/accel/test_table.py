"""Candidates, the SushiAbs table, and its file."""

from dataclasses import fields, replace

import numpy as np
import pytest

from sushi_accel import (
    InputError,
    board_names,
    build_candidates,
    build_table,
    get_board,
    get_supernet,
    load_table,
    save_table,
    supernet_names,
)
from sushi_accel.table.table import SushiAbs
from sushi_accel.table.table_file import table_digest


@pytest.fixture(scope="module")
def table() -> SushiAbs:
    return build_table(get_supernet("resnet50"), get_board("zcu104"))


@pytest.mark.parametrize("supernet", supernet_names())
@pytest.mark.parametrize("board", board_names())
def test_candidates_fit_and_help(supernet, board):
    net, brd = get_supernet(supernet), get_board(board)
    graphs = build_candidates(net, brd)
    assert len(graphs) == 16
    assert graphs[0].weight_bytes == 0
    assert len({g.slices.tobytes() for g in graphs}) == len(graphs)
    assert all(g.weight_bytes <= brd.pb_bytes for g in graphs)
    largest = net.slices.max(axis=0)
    assert all((g.slices <= largest).all() for g in graphs)
    table = build_table(net, brd, graphs)
    assert (table.latency_s <= table.latency_s[:, :1]).all()
    assert (table.latency_s.min(axis=1) < table.latency_s[:, 0]).all()
    fullest = max(g.weight_bytes for g in graphs)
    assert fullest >= 0.99 * min(brd.pb_bytes, int(largest.prod(axis=-1).sum()))


def test_candidates_are_deterministic_and_counted():
    net, board = get_supernet("resnet50"), get_board("zcu104-overlapped")
    once, again = build_candidates(net, board, 7), build_candidates(net, board, 7)
    assert [g.name for g in once] == [g.name for g in again]
    assert all((a.slices == b.slices).all() for a, b in zip(once, again, strict=True))
    assert len(once) == 7
    with pytest.raises(InputError, match="number of SubGraphs = 0"):
        build_candidates(net, board, 0)


def test_resident_and_reload_follow_their_definitions():
    net, board = get_supernet("resnet50"), get_board("zcu104")
    graphs = build_candidates(net, board)
    table = build_table(net, board, graphs)
    i, j, k = 3, 4, 9
    held = 0
    for slot in range(net.num_slots):
        a, b = net.slices[i, slot], graphs[j].slices[slot]
        held += min(a[0], b[0]) * min(a[1], b[1]) * min(a[2], b[2])
    assert table.resident_bytes[i, j] == held
    assert table.offchip_bytes[i, 0] - table.offchip_bytes[i, j] == held
    common = np.minimum(graphs[j].slices, graphs[k].slices).prod(axis=-1).sum()
    assert table.reload_bytes[j, k] == graphs[k].weight_bytes - common
    assert table.reload_s[j, k] == table.reload_bytes[j, k] / board.bandwidth_bytes_per_s
    assert (np.diag(table.reload_s) == 0).all()
    assert (table.reload_bytes[:, 0] == 0).all()


def test_caching_saves_energy_and_traffic(table):
    assert (table.energy_j[:, 1:] < table.energy_j[:, :1]).all()
    saved = table.energy_j[:, 0] - table.energy_j[:, 1]
    least = table.resident_bytes[:, 1] * get_board("zcu104").offchip_j_per_byte
    assert (saved >= least * 0.999999).all()


def test_a_subgraph_that_does_not_fit_is_refused():
    net, board = get_supernet("resnet50"), get_board("zcu104")
    graphs = build_candidates(net, board)
    with pytest.raises(InputError, match="must fit the Persistent Buffer of 1024"):
        build_table(net, replace(board, pb_bytes=1024), graphs)


def test_save_and_load_give_the_same_table(table, tmp_path):
    save_table(table, tmp_path / "t.npz")
    loaded = load_table(tmp_path / "t.npz")
    for f in fields(table):
        np.testing.assert_array_equal(getattr(loaded, f.name), getattr(table, f.name))
    assert table_digest(loaded) == table_digest(table)
    assert [p.name for p in tmp_path.iterdir()] == ["t.npz"]


def test_bad_files_give_one_clear_line(table, tmp_path):
    path = tmp_path / "t.npz"

    def refused(match: str) -> None:
        with pytest.raises(InputError, match=match) as caught:
            load_table(path)
        assert "\n" not in str(caught.value)

    refused("cannot be read")
    path.write_bytes(b"hello")
    refused("not a readable .npz file")
    save_table(table, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused("not a readable .npz file")

    contents = dict(np.load(save_and(table, path)))

    def write(**changed) -> None:
        np.savez(path, **{**contents, **changed})

    write(latency_s=contents["latency_s"] * 1.01)
    refused("digest .* is not the recorded")
    write(latency_s=contents["latency_s"][:, :-1])
    refused(r"latency_s has shape \(6, 15\), not \(6, 16\)")
    write(latency_s=contents["latency_s"] * np.nan)
    refused("latency_s holds a negative or non-finite value")
    write(energy_j=-contents["energy_j"])
    refused("energy_j holds a negative or non-finite value")
    write(latency_s=contents["latency_s"].astype(str))
    refused("latency_s is <U")
    write(extra=np.zeros(3))
    refused("missing or unknown entries: extra")
    write(header=np.array("{}"))
    refused("has no header")
    write(
        header=np.array(
            str(contents["header"]).replace('"schema_version": 1', '"schema_version": 9')
        )
    )
    refused("schema_version = 9: written for a later release")
    np.savez(path, header=np.array([{"a": 1}], dtype=object))
    refused("not a readable .npz file")


def save_and(table, path):
    save_table(table, path)
    return path


def test_a_board_with_impossible_values_is_refused():
    for change, match in (
        ({"clock_hz": 0.0}, "clock_hz = 0.0, must be finite and above 0"),
        ({"bandwidth_bytes_per_s": float("nan")}, "bandwidth_bytes_per_s = nan"),
        ({"pb_bytes": -1}, "pb_bytes = -1, must be finite and at least 0"),
        ({"db_bytes": 1000}, "db_bytes = 1000, must be at least 1296"),
    ):
        with pytest.raises(InputError, match=match):
            replace(get_board("zcu104"), **change)
    with pytest.raises(InputError, match="unknown board 'tpu'; known: zcu104"):
        get_board("tpu")
