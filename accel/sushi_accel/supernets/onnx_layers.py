"""The convolutions, depthwise and dense layers of an ONNX model (extra `onnx`).

A dense layer is a 1x1 convolution of a map of one pixel, a grouped convolution is its groups one
after another. A layer's padding is the least that gives its output's size. Weights count as int8,
one byte each, whatever the file holds. Everything the model also has is either free here, as it
is in the timing model, or named.
"""

import math
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sushi_accel.errors import InputError
from sushi_accel.files.reading import named
from sushi_accel.shown import plain, shown
from sushi_accel.supernets.layer import ConvLayer
from sushi_accel.supernets.onnx_file import load_onnx
from sushi_accel.supernets.supernet import SubNet

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

Shape = tuple[int | str | None, ...]
Sizes = tuple[int, ...]

MAX_LAYERS = 10_000

CONVOLUTIONS = {"Conv": 1, "FusedConv": 1, "ConvInteger": 1, "QLinearConv": 3}
DENSE = {"Gemm": 1, "MatMul": 1, "MatMulInteger": 1, "QGemm": 3, "QLinearMatMul": 3}
"""Operations by which of their inputs the weights are; the map is the first."""

_FREE = """
Constant ConstantOfShape DequantizeLinear DynamicQuantizeLinear QuantizeLinear Cast CastLike
Identity Dropout Concat DepthToSpace SpaceToDepth Expand Flatten Gather GatherElements GatherND Pad
Range Reshape Resize Shape Size Slice Split Squeeze Tile Transpose Unsqueeze Upsample
Abs Add And Ceil Clip Cos Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid
HardSwish LeakyRelu Less LessOrEqual Log LogSoftmax Max Min Mish Mod Mul Neg Not Or PRelu Pow
QLinearAdd QLinearLeakyRelu QLinearMul QLinearSigmoid Reciprocal Relu Round Selu Sigmoid Sign Sin
Softmax Softplus Softsign Sqrt Sub Sum Tanh ThresholdedRelu Where
ArgMax ArgMin AveragePool BatchNormalization GlobalAveragePool GlobalMaxPool GroupNormalization
InstanceNormalization LRN LayerNormalization LpNormalization MaxPool MeanVarianceNormalization
QLinearAveragePool QLinearConcat QLinearGlobalAveragePool ReduceMax ReduceMean ReduceMin ReduceSum
TopK
"""
FREE = frozenset(_FREE.split())
"""Operations that the timing model leaves out: they stream no weights worth mentioning."""


@dataclass(frozen=True)
class OnnxNetwork:
    """What was read off a model.

    Attributes:
        subnet: The network, layers numbered from 0, in the order of the graph.
        free: How often each operation occurs that is free in the timing model.
        unknown: What was not understood and is left out, in words.
        unknown_weights: Values in the weights of that.
    """

    subnet: SubNet
    free: dict[str, int]
    unknown: tuple[str, ...]
    unknown_weights: int


class _NotUnderstoodError(Exception):
    """Why a node is no layer that can be described."""


def read_onnx(path: str | Path, name: str, top1: float = 0.0) -> OnnxNetwork:
    """Reads the layers of an ONNX model.

    Args:
        path: The model.
        name: Name of the network.
        top1: Its top-1 accuracy, percent; the file does not know it.

    Returns:
        The network, and what of the model is not in it.

    Raises:
        InputError: As `load_onnx`; if a layer's shape is missing or not fixed, the batch is not
            1, or there is no layer that is understood.
    """
    where = named("ONNX model", path)
    graph = _Graph(load_onnx(path).graph, where)
    layers: list[ConvLayer] = []
    unknown: list[str] = []
    free: Counter[str] = Counter()
    weights = 0
    for number, node in enumerate(graph.nodes):
        if graph.is_constant(node):
            graph.constant |= set(node.output)
        elif node.op_type in FREE:
            free[node.op_type] += 1
        else:
            try:
                layers += graph.layers(node)
            except _NotUnderstoodError as reason:
                unknown.append(f"{_label(node, number)}: {reason}")
                weights += graph.weights(node)
            if len(layers) > MAX_LAYERS:
                raise InputError(f"{where}: more than {MAX_LAYERS} layers")
    if not layers:
        first = f"; not understood: {unknown[0]}" if unknown else ""
        raise InputError(f"{where}: no convolution and no dense layer is understood{first}")
    layers = [replace(layer, slot=slot) for slot, layer in enumerate(layers)]
    subnet = SubNet(name, top1, layers[0].in_size, tuple(layers), graph.output_values())
    return OnnxNetwork(subnet, dict(free), tuple(unknown), weights)


def _label(node: "NodeProto", number: int) -> str:
    return f"{plain(node.op_type, 40)} {shown(node.name or f'node {number}')}"


class _Graph:
    """A graph with its tensors' shapes, and what is known to be constant."""

    def __init__(self, graph: "GraphProto", where: str):
        self.where, self.nodes, self.outputs = where, graph.node, graph.output
        self.shapes: dict[str, Shape] = {}
        for value in (*graph.input, *graph.value_info, *graph.output):
            kind = value.type.tensor_type
            if kind.HasField("shape"):
                self.shapes[value.name] = tuple(
                    d.dim_value if d.HasField("dim_value") else d.dim_param or None
                    for d in kind.shape.dim
                )
        self.shapes |= {t.name: tuple(t.dims) for t in graph.initializer}
        self.constant = {t.name for t in graph.initializer}
        for value in graph.input:  # maps and vectors; a sequence may lie the other way round
            batch = (self.shapes.get(value.name) or (1,))[0]
            lies_first = len(self.shapes.get(value.name, ())) in (2, 4)
            if value.name in self.constant or not lies_first or not isinstance(batch, int):
                continue
            if batch > 1:
                name = shown(value.name)
                raise InputError(f"{where}: input {name} is a batch of {batch}, must be of 1")

    def is_constant(self, node: "NodeProto") -> bool:
        """Whether a node gives the same on every inference."""
        inputs = [name for name in node.input if name]
        if node.op_type not in FREE:  # a branch or a loop also reads what it does not list
            return False
        return node.op_type == "Constant" or (bool(inputs) and self.constant.issuperset(inputs))

    def sizes(self, node: "NodeProto", name: str) -> tuple[int, ...]:
        """A tensor's shape, in numbers.

        Raises:
            InputError: If it is not known, or not fixed.
        """
        shape = self.shapes.get(name)
        if shape is None or not all(isinstance(size, int) and size > 0 for size in shape):
            known = "not known" if shape is None else f"[{', '.join(str(s or '?') for s in shape)}]"
            raise InputError(
                f"{self.where}: {plain(node.op_type, 40)} {shown(node.name)}: shape of "
                f"{shown(name)} is {plain(known)}, must be fixed sizes: export it with those"
            )
        return tuple(int(size) for size in shape if size)

    def weights(self, node: "NodeProto") -> int:
        """Values in the constants a node reads."""
        known = [self.shapes.get(name) or () for name in node.input if name in self.constant]
        return sum(math.prod(s for s in shape if isinstance(s, int)) for shape in known)

    def output_values(self) -> int:
        """Values in the results whose size is fixed."""
        shapes = [self.shapes.get(value.name) or (None,) for value in self.outputs]
        fixed = [[s for s in shape if isinstance(s, int)] for shape in shapes]
        return sum(math.prod(f) for f, s in zip(fixed, shapes, strict=True) if len(f) == len(s))

    def layers(self, node: "NodeProto") -> list[ConvLayer]:
        """What a node is in terms of layers, all of slot 0.

        Raises:
            InputError: If a shape is not known or not fixed, or the batch is not 1.
            _NotUnderstoodError: If it is none.
        """
        known = CONVOLUTIONS | DENSE
        if node.op_type not in known or node.domain not in ("", "ai.onnx", "com.microsoft"):
            raise _NotUnderstoodError("no operation that is known")
        number = known[node.op_type]
        if len(node.input) <= number or not node.output:
            raise _NotUnderstoodError("it lacks an input or an output")
        if node.input[number] not in self.constant:
            raise _NotUnderstoodError("its weights are computed")
        source = self.sizes(node, node.input[0])
        weights = self.sizes(node, node.input[number])
        output = self.sizes(node, node.output[0])
        given = {a.name: a for a in node.attribute}
        if node.op_type in CONVOLUTIONS:
            groups = given["group"].i if "group" in given else 1
            strides = list(given["strides"].ints) if "strides" in given else [1]
            return self._convolution(source, weights, output, groups, strides)
        if "transA" in given and given["transA"].i:
            raise _NotUnderstoodError("its input is transposed")
        if "transB" in given and given["transB"].i:
            weights = weights[::-1]
        return self._dense(source, weights, output)

    def _convolution(
        self, source: Sizes, weights: Sizes, output: Sizes, groups: int, strides: list[int]
    ) -> list[ConvLayer]:
        if not len(source) == len(weights) == len(output) == 4:
            raise _NotUnderstoodError(f"a convolution of {len(weights) - 2} dimensions")
        for what, pair in (("map", source[2:]), ("kernel", weights[2:]), ("result", output[2:])):
            if pair[0] != pair[1]:
                raise _NotUnderstoodError(f"a {what} of {pair[0]} x {pair[1]} is not square")
        if len(set(strides)) != 1 or strides[0] < 1:
            raise _NotUnderstoodError(f"strides of {plain(strides)}")
        channels, filters = source[1], output[1]
        whole = groups > 0 and channels == groups * weights[1] and filters % groups == 0
        if not whole or filters != weights[0]:
            raise _NotUnderstoodError("its channels do not add up")
        if source[0] != 1:
            raise _NotUnderstoodError(f"{source[0]} maps at once")
        stride, kernel, size = strides[0], weights[2], source[2]
        padding = max(0, -(-((output[2] - 1) * stride + kernel - size) // 2))
        sizes = (kernel, stride, padding, size)
        if depthwise := groups == channels > 1:  # once, or for each of several outputs
            layer, copies = ConvLayer(0, channels, channels, *sizes, depthwise), filters // groups
        else:
            layer, copies = ConvLayer(0, filters // groups, channels // groups, *sizes), groups
        if layer.out_size != output[2]:
            raise _NotUnderstoodError(
                f"a result of {output[2]} pixels where {layer.out_size} come out"
            )
        if copies > MAX_LAYERS:
            raise _NotUnderstoodError(f"{copies} groups")
        return [layer] * copies

    def _dense(self, source: Sizes, weights: Sizes, output: Sizes) -> list[ConvLayer]:
        if len(weights) != 2 or not source or not output:
            raise _NotUnderstoodError(f"weights of {len(weights)} dimensions")
        if source[-1] != weights[0] or output[-1] != weights[1]:
            raise _NotUnderstoodError("its channels do not add up")
        rows = math.prod(source[:-1])
        if math.isqrt(rows) ** 2 != rows:
            raise _NotUnderstoodError(f"{rows} rows are no square map")
        return [ConvLayer(0, weights[1], weights[0], 1, 1, 0, math.isqrt(rows))]
