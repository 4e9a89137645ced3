"""Every `sushi accel` command: the shape of its JSON, its files, and its one line on mistakes."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from sushi_accel import get_board, get_supernet, load_board, load_table, save_board, save_supernet
from sushi_accel.silicon.measurements import COLUMNS
from sushi_bench.main import main

MIB = 2**20

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def sushi(monkeypatch, capsys, tmp_path) -> Run:
    """Runs the command within this process, in an empty folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sushi", "accel", *arguments])
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capsys.readouterr()
        return int(exit_.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture
def as_json(sushi) -> Callable[..., dict]:
    """Runs the command with `--json`; its stdout must be one object, its stderr empty."""

    def run(*arguments: str) -> dict:
        code, out, err = sushi(*arguments, "--json")
        assert (code, err) == (0, "")
        result = json.loads(out)
        assert isinstance(result, dict)
        return result

    return run


@pytest.fixture
def csv(tmp_path) -> str:
    """Five measured layers of two networks and one unmeasured, near what `zcu104` takes."""
    path = tmp_path / "mine.csv"
    rows = ["A,0,24,3,3,2,1,160,703.03", "A,1,40,24,3,1,1,80,766.30", "A,2,32,40,1,1,0,40,"]
    rows += ["B,0,32,32,3,1,1,40,246.22", "B,1,64,64,3,1,1,20,245", "B,2,96,96,3,1,1,20,430"]
    path.write_text("\n".join([",".join(COLUMNS), *rows]))
    return str(path)


def is_picture(path: Path) -> bool:
    data = path.read_bytes()
    starts = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}
    return len(data) > 5_000 and data.startswith(starts[path.suffix])


TABLE_KEYS = [
    "supernet", "board", "pb_bytes", "subnets", "subgraphs", "latency_s", "offchip_bytes",
    "energy_j", "reload_s",
]  # fmt: skip


def test_fewer_subgraphs_than_asked_for_are_said(sushi, as_json):
    given = ("table", "--supernet", "mobilenetv3", "--subgraphs", "1000")
    found = len(as_json(*given)["subgraphs"])
    code, _, err = sushi(*given)
    assert code == 0
    assert 16 < found < 1000
    assert err == f"{found} SubGraphs: no more of the 1000 asked for differ\n"


def test_table_as_json_and_as_file(as_json):
    result = as_json("table", "--subgraphs", "5", "--pb-kib", "512", "--out", "t.npz")
    assert list(result) == TABLE_KEYS
    assert (result["supernet"], result["board"]) == ("resnet50", "zcu104")
    assert result["pb_bytes"] == 512 * 1024
    assert [s["name"] for s in result["subnets"]] == list("ABCDEF")
    assert list(result["subnets"][0]) == ["name", "top1", "weight_bytes", "macs"]
    assert len(result["subgraphs"]) == 5
    assert result["subgraphs"][0] == {"name": "empty", "bytes": 0}
    assert all(0 < graph["bytes"] <= 512 * 1024 for graph in result["subgraphs"][1:])
    for key in ("latency_s", "offchip_bytes", "energy_j"):
        assert np.shape(result[key]) == (6, 5)
        assert np.all(np.array(result[key]) > 0)
    assert np.shape(result["reload_s"]) == (5, 5)
    np.testing.assert_array_equal(load_table("t.npz").latency_s, result["latency_s"])
    assert as_json("table", "--subgraphs", "5", "--pb-kib", "512") == result


def test_table_of_mobilenetv3_meets_the_published_figures(as_json):
    result = as_json("table", "--supernet", "mobilenetv3", "--board", "zcu104")
    subnets = result["subnets"]
    assert [s["name"] for s in subnets] == list("ABCDEFG")
    assert subnets[0]["weight_bytes"] / MIB == pytest.approx(2.97, rel=0.02)
    assert subnets[-1]["weight_bytes"] / MIB == pytest.approx(4.74, rel=0.02)
    latency = np.array(result["latency_s"])
    assert latency.shape == (7, 16)
    assert (np.diff(latency[:, 0]) > 0).all()
    assert (np.diff([s["top1"] for s in subnets]) > 0).all()
    assert (np.diff([s["macs"] for s in subnets]) > 0).all()


def test_table_options_reach_the_board(as_json):
    def latency(*options: str) -> np.ndarray:
        return np.array(as_json("table", "--subgraphs", "2", *options)["latency_s"])

    slow, fast = latency("--bandwidth-gbs", "1"), latency("--bandwidth-gbs", "30")
    assert (fast < slow).all()
    assert (latency("--pb-kib", "4000")[:, 1] < latency("--pb-kib", "400")[:, 1]).all()
    empty = as_json("table", "--pb-kib", "0")
    assert [graph["name"] for graph in empty["subgraphs"]] == ["empty"]
    assert empty["reload_s"] == [[0.0]]


def test_table_reports_its_time_beside_the_reference(as_json, sushi):
    timed = as_json("table", "--time", "--supernet", "mobilenetv3", "--subgraphs", "3")
    assert list(timed) == [*TABLE_KEYS, "times"]
    assert list(timed["times"]) == ["candidates_s", "table_s", "reference_s"]
    assert 0 < timed["times"]["table_s"] < timed["times"]["reference_s"]
    code, out, _ = sushi("table", "--time", "--supernet", "mobilenetv3", "--subgraphs", "3")
    assert code == 0
    assert "the reference simulator takes" in out


def test_table_for_people_and_as_a_picture(sushi):
    code, out, err = sushi("table", "--subgraphs", "3", "--plot", "t.svg")
    assert (code, err) == (0, "")
    for word in ("empty", "KiB", "79.8 %", "11.184", "service latency, ms"):
        assert word in out
    assert is_picture(Path("t.svg"))


def test_boards_and_supernets_from_files(as_json):
    save_board(get_board("alveo_u50"), "b.yaml")
    save_supernet(get_supernet("mobilenetv3"), "n.yaml")
    named = as_json("table", "--supernet", "mobilenetv3", "--board", "alveo_u50")
    assert as_json("table", "--supernet", "n.yaml", "--board", "b.yaml") == named


@pytest.mark.parametrize("preset", ["zcu104", "zcu104-overlapped"])
def test_validate_on_silicon(as_json, measured_csv, preset):
    result = as_json("validate", str(measured_csv.resolve()), "--preset", preset)
    assert list(result) == ["layers", "networks", "mean_abs_error", "worst_abs_error"]
    assert len(result["layers"]) == 318
    keys = ["subnet", "layer", "predicted_us", "measured_us", "error"]
    assert all(list(row) == keys for row in result["layers"])
    errors = [abs(row["error"]) for row in result["layers"] if row["error"] is not None]
    assert len(errors) == 52
    assert np.mean(errors) == pytest.approx(result["mean_abs_error"])
    assert result["mean_abs_error"] <= 0.016
    assert max(errors) == pytest.approx(result["worst_abs_error"])
    assert result["worst_abs_error"] <= 0.075
    assert list(result["networks"]) == ["A", "C", "E"]
    for network in result["networks"].values():
        assert list(network) == ["predicted_ms", "measured_ms", "error"]
        assert abs(network["error"]) <= 0.01


def test_validate_predicts_what_was_not_measured(as_json, sushi, csv):
    result = as_json("validate", csv, "--plot", "v.png")
    unmeasured = result["layers"][2]
    assert unmeasured["predicted_us"] > 0
    assert unmeasured["measured_us"] is None
    assert unmeasured["error"] is None
    assert result["networks"]["A"]["measured_ms"] == pytest.approx(0.70303 + 0.76630)
    assert is_picture(Path("v.png"))
    code, out, err = sushi("validate", csv)
    assert (code, err) == (0, "")
    assert "5 layers, mean error" in out


def test_calibrate_writes_a_board_that_other_commands_take(as_json, sushi, csv):
    result = as_json("calibrate", csv, "--out", "mine.yaml", "--name", "mine", "--plot", "c.pdf")
    assert list(result) == ["board", "constants", "fit", "held_out", "held_out_mean_abs_error"]
    board = load_board("mine.yaml")
    assert result["board"] == board.name == "mine"
    assert result["constants"] == {key: getattr(board, key) for key in result["constants"]}
    assert list(result["held_out"]) == ["A"]  # without B, two layers are left for three constants
    assert result["held_out_mean_abs_error"] == result["held_out"]["A"]["mean_abs_error"]
    assert is_picture(Path("c.pdf"))
    checked = as_json("validate", csv, "--preset", "mine.yaml")
    assert checked == result["fit"]
    assert checked["mean_abs_error"] <= as_json("validate", csv)["mean_abs_error"]
    assert as_json("table", "--board", "mine.yaml", "--subgraphs", "2")["board"] == "mine"
    code, out, err = sushi("calibrate", csv, "--out", "other.yaml")
    assert (code, err) == (0, "")
    assert "A left out of the fit: mean error" in out
    assert "Kernel sizes measured: [3]" in out


SMALL = ("--supernet", "mobilenetv3", "--subgraphs", "3")


def test_roofline(as_json):
    result = as_json("roofline", "--out", "r.png", "--subnet", "B", *SMALL)
    assert is_picture(Path("r.png"))
    assert (result["subnet"], result["board"], result["picture"]) == ("B", "zcu104", "r.png")
    layers = get_supernet("mobilenetv3").subnets[1].layers
    assert [row["slot"] for row in result["layers"]] == [layer.slot for layer in layers]
    assert [row["macs"] for row in result["layers"]] == [layer.macs for layer in layers]
    for row in result["layers"]:
        assert row["cached_offchip_bytes"] <= row["offchip_bytes"]
        assert row["macs"] / row["latency_s"] <= result["peak_macs_per_s"]
    assert any(r["cached_latency_s"] < r["latency_s"] for r in result["layers"])


def test_timeline_agrees_with_the_table(as_json, sushi):
    result = as_json("timeline", "--out", "t.png", *SMALL)
    table = as_json("table", *SMALL)
    names = [graph["name"] for graph in table["subgraphs"]]
    assert result["latency_s"] == pytest.approx(table["latency_s"][0][0], rel=1e-6)
    cached = table["latency_s"][0][names.index(result["subgraph"])]
    assert result["cached_latency_s"] == pytest.approx(cached, rel=1e-6)
    assert cached == min(table["latency_s"][0])
    assert result["simulation_s"] > 0
    assert is_picture(Path("t.png"))
    code, out, _ = sushi("timeline", "--out", "t.svg", "--cached", names[1], *SMALL)
    assert code == 0
    assert f"with SubGraph {names[1]}" in " ".join(out.split())


NOT_A_NUMBER = "measured_latency_us = 'nan', must be a number"


def onnx_model(path: str, channels: int, size: int | str = 16) -> str:
    """A model of one convolution, 3 to `channels`."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["a"]), helper.make_node("Mine", ["a"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", kind, (1, 3, size, size))],
        [helper.make_tensor_value_info("y", kind, None)],
        [onnx.numpy_helper.from_array(np.zeros((channels, 3, 3, 3), np.float32), "w")],
    )
    onnx.save(helper.make_model(graph), path)
    return path


def test_import_writes_a_supernet_that_other_commands_take(as_json, sushi):
    models = [onnx_model("wide net.onnx", 64), onnx_model("narrow.onnx", 16)]
    chosen = ("--top1", "71", "--top1", "65.5")
    result = as_json("import", *models, "--out", "nets.yaml", *chosen)
    assert result["supernet"] == "nets"
    assert [s["name"] for s in result["subnets"]] == ["narrow", "wide-net"]  # the smaller first
    assert [s["top1"] for s in result["subnets"]] == [65.5, 71]
    assert result["subnets"][0]["weight_bytes"] == 16 * 27
    assert result["subnets"][0]["not_understood"] == ["Mine 'node 1': no operation that is known"]
    table = as_json("table", "--supernet", "nets.yaml", "--board", "edgetpu_pcie")
    assert [s["name"] for s in table["subnets"]] == ["narrow", "wide-net"]
    code, out, err = sushi("import", models[0], "--out", "one.yaml")
    assert (code, err) == (0, "")
    assert "wide-net: not understood, left out: Mine" in out
    assert "Top-1 is 0" in out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("n.onnx",), "Missing option '--out'"),
        (("n.onnx", "--out", "n.txt"), "--out n.txt: must end in .yaml"),
        (("none.onnx", "--out", "n.yaml"), "ONNX model none.onnx: cannot be read"),
        (("n.onnx", "n.onnx", "--out", "n.yaml"), "SubNet names must be unique"),
        (("n.onnx", "--out", "n.yaml", "--top1", "1", "--top1", "2"), "--top1 is given 2 times"),
        (("n.onnx", "--out", "n.yaml", "--top1", "101"), "top1 = 101.0: Input should be less"),
        (("d.onnx", "--out", "n.yaml"), "shape of 'x' is [1, 3, side, side], must be fixed sizes"),
    ],
)
def test_models_that_cannot_be_imported_give_one_line_and_code_2(sushi, arguments, expected):
    onnx_model("n.onnx", 8)
    onnx_model("d.onnx", 8, "side")
    code, out, err = sushi("import", *arguments)
    assert (code, out) == (2, "")
    assert expected in err
    assert err.count("\n") == 1
    assert not Path("n.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("table", "--board", "tpu"), "unknown board 'tpu'; known: zcu104"),
        (("table", "--supernet", "vgg"), "unknown SuperNet 'vgg'; known: resnet50"),
        (("table", "--supernet", "none.yaml"), "SuperNet file none.yaml: cannot be read"),
        (("table", "--board", "bad.yaml"), "board file bad.yaml: unknown key 'speed'"),
        (("table", "--supernet", "bad.yaml"), "SuperNet file bad.yaml: key 'subnets' is missing"),
        (("table", "--bandwidth-gbs", "nan"), "bandwidth_bytes_per_s = nan"),
        (("table", "--bandwidth-gbs", "0"), "bandwidth_bytes_per_s = 0.0, must be finite"),
        (("table", "--bandwidth-gbs", "1e99"), "e+107, must be finite and above 0 (at most 1e+24)"),
        (("table", "--pb-kib", "-1"), "pb_bytes = -1024, must be finite and at least 0"),
        (("table", "--pb-kib", "9" * 30), "must be finite and at least 0"),
        (("table", "--pb-kib", "some"), "--pb-kib"),
        (("table", "--subgraphs", "0"), "Input should be greater than or equal to 1"),
        (("table", "--subgraphs", "9" * 9), "Input should be less than or equal to 1000"),
        (("table", "--out", "no/such/folder/t.npz"), "t.npz: cannot be written"),
        (("table", "--out", "."), "cannot be written (it is a folder)"),
        (("table", "--plot", "t.txt"), "picture t.txt: must end in .png, .svg or .pdf"),
        (("table", "--plot", "t"), "picture t: must end in .png, .svg or .pdf"),
        (("table", "--plot", "no/such/t.png"), "picture no/such/t.png: cannot be written"),
        (("validate",), "Missing argument 'CSV'"),
        (("validate", "none.csv"), "measurements none.csv: cannot be read"),
        (("validate", "nan.csv"), NOT_A_NUMBER),
        (("validate", "mine.csv", "--preset", "tpu"), "unknown board 'tpu'"),
        (("validate", "mine.csv", "--plot", "x.bmp"), "must end in .png, .svg or .pdf"),
        (("calibrate", "mine.csv"), "Missing option '--out'"),
        (("calibrate", "mine.csv", "--out", "no/b.yaml"), "no/b.yaml: cannot be written"),
        (("calibrate", "mine.csv", "--out", "b.yaml", "--name", ""), "board name ''"),
        (("calibrate", "nan.csv", "--out", "b.yaml"), NOT_A_NUMBER),
        (("roofline",), "Missing option '--out'"),
        (("roofline", "--out", "r.png", "--subnet", "Z"), "unknown SubNet 'Z'; known: A, B"),
        (("timeline", "--out", "t.png", "--cached", "no"), "unknown SubGraph 'no'; known: empty"),
        (("fly",), "No such command 'fly'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_mistakes_give_one_line_and_code_2(sushi, csv, arguments, expected):
    Path("nan.csv").write_text(Path(csv).read_text().replace("703.03", "nan"))
    save_board(get_board("zcu104"), "bad.yaml")
    Path("bad.yaml").write_text(Path("bad.yaml").read_text() + "speed: 9\n")
    assert "speed" in yaml.safe_load(Path("bad.yaml").read_text())
    before = sorted(Path().iterdir())
    code, out, err = sushi(*arguments)
    assert (code, out) == (2, ""), (out, err)
    assert expected in err
    assert err.count("\n") == 1, err
    assert err.startswith("sushi: ")
    assert sorted(Path().iterdir()) == before


def test_a_process_of_its_own_says_a_mistake_without_a_traceback(tmp_path):
    command = [str(Path(sys.executable).with_name("sushi")), "accel", "validate", "none.csv"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "sushi: measurements none.csv: cannot be read (No such file or directory)\n"
    )
