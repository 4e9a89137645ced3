"""SuperNets of independent networks: from a file without slots, and from ONNX models."""

import os
import random
from pathlib import Path

import numpy as np
import pytest
import yaml

from sushi_accel import (
    ConvLayer,
    InputError,
    SubGraph,
    SubNet,
    build_table,
    get_board,
    load_supernet,
    save_supernet,
)
from sushi_accel.supernets.onnx_layers import read_onnx
from sushi_accel.supernets.supernet import independent_networks

onnx = pytest.importorskip("onnx")
helper, FLOAT, INT64 = onnx.helper, onnx.TensorProto.FLOAT, onnx.TensorProto.INT64


def tensor(name, *dims):
    return onnx.numpy_helper.from_array(np.zeros(dims, np.float32), name)


def save(path, nodes, weights, source=(1, 3, 32, 32), outputs=("y",), **options) -> Path:
    """A model whose input is `x`, with weights by name and shape."""
    given = [w if isinstance(w, onnx.TensorProto) else tensor(*w) for w in weights]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", FLOAT, source)],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs],
        given,
    )
    onnx.save(
        helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("me", 1)]
        ),
        path,
        **options,
    )
    return path


def small(path, **options) -> Path:
    """A convolution, a depthwise one, a quantised 1x1 one, pooling and a dense layer."""
    nodes = [
        helper.make_node("Conv", ["x", "w0", "b0"], ["a"], strides=[2, 2], pads=[0, 0, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["c"], group=16, pads=[1] * 4),
        helper.make_node("DequantizeLinear", ["w2", "s"], ["w2d"]),
        helper.make_node("Conv", ["c", "w2d"], ["d"], auto_pad="SAME_UPPER"),
        helper.make_node("GlobalAveragePool", ["d"], ["e"]),
        helper.make_node("Flatten", ["e"], ["f"]),
        helper.make_node("Gemm", ["f", "w3"], ["y"], transB=1),
    ]
    quantised = onnx.numpy_helper.from_array(np.zeros((24, 16, 1, 1), np.int8), "w2")
    scale = onnx.numpy_helper.from_array(np.float32(1), "s")
    weights = [("w0", 16, 3, 3, 3), ("b0", 16), ("w1", 16, 1, 3, 3), ("w3", 10, 24)]
    return save(path, nodes, [*weights, quantised, scale], **options)


def test_layers_are_read_off_the_graph(tmp_path):
    found = read_onnx(small(tmp_path / "m.onnx"), "m", 71.5)
    assert found.subnet == SubNet(
        "m",
        71.5,
        32,
        (
            ConvLayer(0, 16, 3, 3, 2, 1, 32),
            ConvLayer(1, 16, 16, 3, 1, 1, 16, depthwise=True),
            ConvLayer(2, 24, 16, 1, 1, 0, 16),
            ConvLayer(3, 10, 24, 1, 1, 0, 1),
        ),
        output_bytes=10,
    )
    assert found.free == {"Relu": 1, "GlobalAveragePool": 1, "Flatten": 1}
    assert found.unknown == ()


@pytest.mark.parametrize(
    ("weights", "attributes", "expected"),
    [
        ((8, 4, 3, 3), {"pads": [2] * 4, "dilations": [2, 2]}, [(8, 4, 3, 1, 1, 8)]),
        ((8, 2, 3, 3), {"group": 2}, [(4, 2, 3, 1, 0, 8)] * 2),
        ((12, 1, 5, 5), {"group": 4, "pads": [2] * 4}, [(4, 4, 5, 1, 2, 8, True)] * 3),
        ((4, 1, 1, 1), {"group": 4}, [(4, 4, 1, 1, 0, 8, True)]),
        ((6, 4, 1, 1), {"strides": [2, 2]}, [(6, 4, 1, 2, 0, 8)]),
    ],
)
def test_kinds_of_convolution(tmp_path, weights, attributes, expected):
    path = save(
        tmp_path / "m.onnx",
        [helper.make_node("Conv", ["x", "w"], ["y"], **attributes)],
        [("w", *weights)],
        source=(1, 4, 8, 8),
    )
    layers = read_onnx(path, "m").subnet.layers
    assert list(layers) == [ConvLayer(n, *shape) for n, shape in enumerate(expected)]
    assert sum(layer.weight_bytes for layer in layers) == np.prod(weights)


def test_what_is_not_understood_is_named_and_its_weights_are_counted(tmp_path):
    branch = helper.make_graph(
        [helper.make_node("Conv", ["x", "w0"], ["z"])],
        "branch",
        [],
        [helper.make_tensor_value_info("z", FLOAT, None)],
    )
    nodes = [
        helper.make_node("Conv", ["x", "w0"], ["a"], name="good", pads=[1] * 4),
        helper.make_node("Conv", ["x", "w1"], ["b"], name="flat"),
        helper.make_node("ConvTranspose", ["x", "w2"], ["c"], name="up"),
        helper.make_node("MatMul", ["x", "x"], ["d"], name="product"),
        helper.make_node(
            "If", ["yes"], ["e"], name="maybe", then_branch=branch, else_branch=branch
        ),
        helper.make_node("Relu", ["a"], ["y"]),
    ]
    weights = [("w0", 3, 3, 3, 3), ("w1", 3, 3, 1, 7), ("w2", 3, 5, 3, 3)]
    yes = onnx.numpy_helper.from_array(np.array(True), "yes")
    found = read_onnx(save(tmp_path / "m.onnx", nodes, [*weights, yes]), "m")
    assert found.subnet.layers == (ConvLayer(0, 3, 3, 3, 1, 1, 32),)
    names = [line.split(":")[0] for line in found.unknown]
    assert names == ["Conv 'flat'", "ConvTranspose 'up'", "MatMul 'product'", "If 'maybe'"]
    assert found.unknown[0].endswith("a kernel of 1 x 7 is not square")
    assert found.unknown_weights >= 3 * 3 * 7 + 3 * 5 * 9


CONV = helper.make_node("Conv", ["x", "w"], ["y"], name="c")
WEIGHTS = [("w", 4, 3, 3, 3)]


@pytest.mark.parametrize(
    ("nodes", "source", "match"),
    [
        ([CONV], ("batch", 3, 32, 32), r"Conv 'c': shape of 'x' is \[batch, 3, 32, 32\], must be"),
        ([CONV], (1, 3, "height", 32), r"\[1, 3, height, 32\], must be fixed sizes"),
        ([CONV], (1, 3, None, 32), r"\[1, 3, \?, 32\], must be fixed sizes"),
        ([CONV], None, "shape of 'x' is not known, must be fixed"),
        ([CONV], (8, 3, 32, 32), "input 'x' is a batch of 8, must be of 1"),
        ([CONV], (1, 5, 32, 32), "cannot be inferred|channels do not add up"),
        (
            [helper.make_node("Mine", ["x"], ["z"], domain="me"),
             helper.make_node("Conv", ["z", "w"], ["y"])],
            (1, 3, 32, 32),
            "shape of 'z' is not known",
        ),
        ([helper.make_node("Relu", ["x"], ["y"])], (1, 3, 8, 8), "no dense layer is understood$"),
        (
            [helper.make_node("LSTM\x1b[2J" + "z" * 9999, ["x"], ["y"])],
            (1, 3, 8, 8),
            r"not understood: LSTM\\x1b\[2Jz{20}",
        ),
    ],
)  # fmt: skip
def test_models_that_cannot_be_read_give_one_clear_line(tmp_path, nodes, source, match):
    path = save(tmp_path / "m.onnx", nodes, WEIGHTS, source)
    with pytest.raises(InputError, match=match) as caught:
        read_onnx(path, "m")
    message = str(caught.value)
    assert message.startswith(f"ONNX model {path}")
    assert message.isprintable()
    assert len(message) < 600


def test_weights_in_a_file_of_their_own_must_be_there(tmp_path):
    """They are not read, but a model without them is not whole."""
    options = {"save_as_external_data": True, "size_threshold": 0, "location": "w.bin"}
    path = save(tmp_path / "m.onnx", [CONV], WEIGHTS, **options)
    assert len(read_onnx(path, "m").subnet.layers) == 1
    os.truncate(tmp_path / "w.bin", 5)
    with pytest.raises(InputError, match=r"weights 'w' are in 'w\.bin', which is shorter"):
        read_onnx(path, "m")
    (tmp_path / "w.bin").unlink()
    with pytest.raises(InputError, match=r"weights 'w' are in 'w\.bin', which cannot be read"):
        read_onnx(path, "m")
    for place in ("../w.bin", "/etc/passwd", ""):
        model = onnx.load(path, load_external_data=False)
        (entry,) = (e for e in model.graph.initializer[0].external_data if e.key == "location")
        entry.value = place
        path.write_bytes(model.SerializeToString())
        with pytest.raises(InputError, match="must be in the model's folder or below"):
            read_onnx(path, "m")


def varint(value: int) -> bytes:
    """A number as protobuf writes it."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def test_millions_of_nodes_are_refused_before_they_are_parsed(tmp_path):
    node = helper.make_node("Relu", ["x"], ["x"]).SerializeToString()
    nodes = (b"\x0a" + varint(len(node)) + node) * 200_000
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x08\x08\x3a" + varint(len(nodes)) + nodes)
    with pytest.raises(InputError, match="more than 100000 nodes and tensors"):
        read_onnx(path, "m")
    long = helper.make_node("Relu", ["x" * 70_000_000], ["x"]).SerializeToString()
    long = b"\x0a" + varint(len(long)) + long
    path.write_bytes(b"\x08\x08\x3a" + varint(len(long)) + long)
    with pytest.raises(InputError, match="bytes without its weights, more than 67108864"):
        read_onnx(path, "m")


def test_damaged_files_give_one_clear_line_or_a_network(tmp_path):
    whole = small(tmp_path / "whole.onnx").read_bytes()
    path, rng = tmp_path / "m.onnx", random.Random(0)
    damaged = [b"", b"no model", whole[:100], bytes(9), b"\xff" * 99]
    for _ in range(300):
        flipped = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
        damaged.append(bytes(flipped[: rng.choice([len(whole), rng.randrange(len(whole))])]))
    messages = []
    for contents in damaged:
        path.write_bytes(contents)
        try:
            assert read_onnx(path, "m").subnet.layers
        except InputError as error:
            messages.append(str(error))
    assert len(messages) > 100
    assert not any("\n" in message for message in messages)
    for odd in (tmp_path, tmp_path / "none.onnx"):
        with pytest.raises(InputError, match="cannot be read"):
            read_onnx(odd, "m")


def test_independent_networks_share_nothing():
    a = SubNet("a", 60.0, 16, (ConvLayer(0, 64, 16, 3, 1, 1, 16), ConvLayer(1, 8, 64, 1, 1, 0, 16)))
    b = SubNet("b", 70.0, 16, (ConvLayer(0, 128, 64, 3, 1, 1, 16),))
    net = independent_networks("two", [a, b])
    assert (net.num_slots, [x.slot for s in net.subnets for x in s.layers]) == (3, [0, 1, 2])
    empty, *graphs = (SubGraph(f"{n}", net.slices[n] * (n >= 0)) for n in (-1, 0, 1))
    table = build_table(net, get_board("edgetpu_pcie"), [empty, *graphs])
    saved = table.latency_s[:, :1] - table.latency_s[:, 1:]
    assert ((saved > 0) == np.eye(2)).all()
    assert (table.resident_bytes[:, 1:] == np.diag(table.weight_bytes)).all()


def test_a_file_without_slots_is_of_independent_networks(tmp_path):
    layers = [{"out_channels": 8, "in_channels": 3, "kernel": 3, "in_size": 9}] * 2
    subnets = [{"name": n, "top1": 1.0, "image_size": 9, "layers": layers} for n in "ab"]
    path = tmp_path / "n.yaml"
    path.write_text(yaml.safe_dump({"schema_version": 1, "name": "n", "subnets": subnets}))
    net = load_supernet(path)
    assert [x.slot for s in net.subnets for x in s.layers] == [0, 1, 2, 3]
    save_supernet(net, tmp_path / "m.yaml")
    assert load_supernet(tmp_path / "m.yaml") == net
    for change in (
        {"num_slots": 4},
        {"subnets": [subnets[0] | {"layers": [layers[0] | {"slot": 0}]}]},
    ):
        document = {"schema_version": 1, "name": "n", "subnets": subnets} | change
        path.write_text(yaml.safe_dump(document))
        with pytest.raises(InputError, match="is missing; only independent networks have neither"):
            load_supernet(path)


def test_a_network_beyond_what_a_file_holds_is_not_written(tmp_path):
    wide = SubNet("a", 60.0, 1, (ConvLayer(0, 2**21, 3, 1, 1, 0, 1),))
    with pytest.raises(InputError, match=r"out_channels = 2097152"):
        save_supernet(independent_networks("n", [wide]), tmp_path / "n.yaml")
    assert not (tmp_path / "n.yaml").exists()
