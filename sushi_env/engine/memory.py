"""The arrays of a batch of environments, and how the kernel gets at them.

Numba unpacks every array argument of a call, at some 0.1 microseconds each: for the twenty
arrays here, as much as ten steps take. So a call passes one array of sizes and addresses, and
`attach` makes arrays of them inside the kernel. `Memory` owns what the addresses point to.
"""

# pyright: reportCallIssue=false, reportPrivateImportUsage=false
# (Numba passes the first argument of an intrinsic itself, and exports `carray` untyped.)

import ctypes
from typing import Any, NamedTuple

import numba as nb
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numpy.typing import NDArray

from sushi_env.engine.columns import PARAMETERS
from sushi_env.engine.problem import Problem
from sushi_env.numerics.compiling import compiled, machine_code

QUERY = np.dtype([("time", "f8"), ("tag", "i8")])
"""Arrival time of a query; and its number times `CLASSES` plus its SLO class."""

CLASS_BITS = 6
CLASSES = 1 << CLASS_BITS

GENERATOR = np.dtype(
    [
        ("key_gap", "u8"),
        ("key_class", "u8"),
        ("key_regime", "u8"),
        ("key_modulation", "u8"),
        ("key_jitter", "u8"),
        ("generated", "i8"),
        ("switches", "i8"),
        ("regime", "i8"),
        ("regime_left", "i8"),
        ("regime_changes", "i8"),
        ("segment", "i8"),
        ("time", "f8"),
        ("left", "f8"),
    ]
)

TOTALS = (
    "utility",
    "goodput_top1",
    "slo_met",
    "floor_met",
    "top1",
    "response_s",
    "offchip_bytes",
    "energy_j",
    "resident_bytes",
    "weight_bytes",
    "reward",
)

STATE = np.dtype(
    [
        ("now", "f8"),
        ("next_arrival", "f8"),
        ("last_arrival", "f8"),
        ("mean_gap", "f8"),
        ("last_change", "f8"),
        ("arrivals", "i8"),
        ("position", "i8"),
        ("head", "i8"),
        ("waiting", "i8"),
        ("served", "i8"),
        ("dropped", "i8"),
        ("reloads", "i8"),
        ("cached", "i4"),
        ("latency_bin", "i4"),
        ("least_response_s", "f8"),
        ("most_response_s", "f8"),
        *[(f"total_{name}", "f8") for name in TOTALS],
    ]
)

HISTOGRAM_OCTAVES = 16
BINS_PER_OCTAVE = 32
HISTOGRAM_BINS = HISTOGRAM_OCTAVES * BINS_PER_OCTAVE

BLOCK = 8
"""Queries that an arrival stream generates at once."""

OUTCOMES = 13
"""Columns of the outcome of a step; see `sushi_env.engine.kernel`."""

_SIZES = 9


class Arrays(NamedTuple):
    """What the kernel works on, for n environments; the scenario's arrays are in `Problem`.

    Attributes:
        parameters: See `Problem`, as for the ten that follow.
        pairs: -
        reloads: -
        subnets: -
        classes: -
        class_cdf: -
        rows: -
        reward_weights: -
        rates: -
        spans: -
        trace: -
        state: Records of dtype `STATE`, shape (n,).
        generators: Arrival streams, records of dtype `GENERATOR`, shape (n,).
        mix: Running average of the SubNets served, float32, shape (n, S).
        queue: Waiting queries, a ring of records of dtype `QUERY`, shape (n, ring).
        block: Queries generated, records of dtype `QUERY`, shape (n, BLOCK).
        gaps: Scratch of the generators, float64, shape (n, BLOCK).
        histogram: Response times, int32, shape (n, HISTOGRAM_BINS + 1); the latest is still
            to be counted, in the state's `latency_bin`, and the last column counts nothing.
        observation: float32, shape (n, D).
        outcome: What the latest step did, float64, shape (n, OUTCOMES).
        reward: Its rewards, float32, shape (n,).
        truncated: Whether the episode is over, bool, shape (n,).
    """

    parameters: NDArray
    pairs: NDArray
    reloads: NDArray
    subnets: NDArray
    classes: NDArray
    class_cdf: NDArray
    rows: NDArray
    reward_weights: NDArray
    rates: NDArray
    spans: NDArray
    trace: NDArray
    state: NDArray
    generators: NDArray
    mix: NDArray
    queue: NDArray
    block: NDArray
    gaps: NDArray
    histogram: NDArray
    observation: NDArray
    outcome: NDArray
    reward: NDArray
    truncated: NDArray


def ring_size(capacity: int) -> int:
    """Slots of the queue's ring buffer: the power of two that holds `capacity`."""
    return 1 << (capacity - 1).bit_length()


class Memory:
    """Arrays of n environments of one problem.

    Attributes:
        arrays: The arrays.
        addresses: Sizes, then the address of each array, int64.
    """

    def __init__(self, problem: Problem, num_envs: int):
        n, S = num_envs, problem.table.num_subnets
        ring = ring_size(problem.scenario.queue_capacity)
        self.arrays = Arrays(
            problem.parameters,
            problem.pairs,
            problem.reloads,
            problem.subnets,
            problem.classes,
            problem.class_cdf,
            problem.rows,
            problem.reward_weights,
            problem.rates,
            problem.spans,
            problem.trace,
            state=np.zeros(n, dtype=STATE),
            generators=np.zeros(n, dtype=GENERATOR),
            mix=np.zeros((n, S), dtype=np.float32),
            queue=np.zeros((n, ring), dtype=QUERY),
            block=np.zeros((n, BLOCK), dtype=QUERY),
            gaps=np.zeros((n, BLOCK)),
            histogram=np.zeros((n, HISTOGRAM_BINS + 1), dtype=np.int32),
            observation=np.zeros((n, problem.layout.size), dtype=np.float32),
            outcome=np.zeros((n, OUTCOMES)),
            reward=np.zeros(n, dtype=np.float32),
            truncated=np.ones(n, dtype=np.bool_),  # until the first reset
        )
        self.addresses = self._addresses()

    def _addresses(self) -> NDArray[np.int64]:
        a = self.arrays
        sizes = [
            len(a.state),
            *a.pairs.shape[:2],
            *a.class_cdf.shape,
            a.queue.shape[1],
            a.observation.shape[1],
            len(a.spans),
            len(a.trace),
        ]
        assert len(sizes) == _SIZES
        assert all(array.flags.c_contiguous for array in a)
        return np.array([*sizes, *(array.ctypes.data for array in a)], dtype=np.int64)

    def own(self) -> dict[str, NDArray]:
        """The arrays that steps change, by name, as bytes, shape (n, ...)."""
        first = Arrays._fields.index("state")
        chosen = zip(Arrays._fields[first:], self.arrays[first:], strict=True)
        return {name: array.view(np.uint8).reshape(len(array), -1) for name, array in chosen}

    def restore(self, saved: dict[str, NDArray]) -> None:
        """Takes over the arrays of `own` of another memory of the same problem.

        Raises:
            ValueError: If they are not such arrays, or hold an index out of its range, which
                compiled code would follow; the memory is then of no use.
        """
        for name, array in self.own().items():
            if saved[name].shape != array.shape or saved[name].dtype != array.dtype:
                raise ValueError(f"{name} of shape {saved[name].shape}, must be {array.shape}")
            array[...] = saved[name]
        a = self.arrays
        limits = [
            (a.state["head"], a.queue.shape[1]),
            (a.state["waiting"], a.queue.shape[1]),
            (a.state["position"], BLOCK),
            (a.state["cached"], a.pairs.shape[1]),
            (a.state["latency_bin"], HISTOGRAM_BINS + 1),
            (a.generators["regime"], a.class_cdf.shape[0]),
            (a.generators["segment"], max(len(a.spans), len(a.trace))),
            (a.queue["tag"] & (CLASSES - 1), a.class_cdf.shape[1]),
            (a.block["tag"] & (CLASSES - 1), a.class_cdf.shape[1]),
        ]
        for values, limit in limits:
            if values.min() < 0 or values.max() >= limit:
                raise ValueError(f"an index that is not in 0..{limit - 1}")
        for count in ("served", "dropped", "arrivals", "reloads"):
            if a.state[count].min() < 0:
                raise ValueError(f"{count} below 0")
        for records in (a.state, a.generators, a.queue, a.block):
            times = [name for name in records.dtype.names or () if records.dtype[name].kind == "f"]
            if any(np.isnan(records[name]).any() for name in times):  # it would be waited for
                raise ValueError("a time that is no number")

    def __getstate__(self) -> Arrays:
        return self.arrays

    def __setstate__(self, arrays: Arrays) -> None:
        # A copy has arrays of its own, at other addresses.
        self.arrays = arrays
        self.addresses = self._addresses()


def _plain_array(pointer: ctypes.c_void_p, shape: tuple[int, ...], dtype: Any) -> NDArray:
    array = nb.carray(pointer, shape, dtype)
    return array if array.dtype.names is None else array.view(np.recarray)


_array = _plain_array if nb.config.DISABLE_JIT else nb.carray  # type: ignore[attr-defined]


@machine_code(lambda address: ctypes.c_void_p(int(address)))
def _pointer(typingctx, address):
    """An address as a pointer."""

    def codegen(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), codegen


def _element(context, builder, kind, array, index):
    """Pointer to an element of a C-contiguous array, by its flat index, and the element's size."""
    data = context.make_array(kind)(context, builder, array).data
    size = context.get_abi_sizeof(context.get_data_type(kind.dtype))
    offset = builder.mul(index, ir.Constant(ir.IntType(64), size))
    return builder.gep(builder.bitcast(data, cgutils.voidptr_t), [offset]), size


@machine_code(lambda array, index: None)
def prefetch(typingctx, array, index):
    """Asks for the cache line of an element, by its flat index; otherwise does nothing."""

    def codegen(context, builder, signature, arguments):
        at, _ = _element(context, builder, signature.args[0], *arguments)
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, word, word, word])
        call = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        for_writing, keep, data = word(1), word(3), word(1)
        builder.call(call, [at, for_writing, keep, data])
        return context.get_dummy_value()

    return types.void(array, types.int64), codegen


def _plain_copy(to, to_index, source, source_index, count):
    part = source.reshape(-1)[source_index : source_index + count]
    to.reshape(-1)[to_index : to_index + count] = part


@machine_code(_plain_copy)
def copy(typingctx, to, to_index, source, source_index, count):
    """Copies `count` elements between arrays of one dtype, from flat index to flat index."""

    def codegen(context, builder, signature, arguments):
        at, size = _element(context, builder, signature.args[0], *arguments[:2])
        origin, _ = _element(context, builder, signature.args[2], *arguments[2:4])
        cgutils.raw_memcpy(builder, at, origin, arguments[4], size)
        return context.get_dummy_value()

    return types.void(to, types.int64, source, types.int64, types.int64), codegen


@compiled(error_model="numpy", inline="always")
def attach(memory):
    """The `Arrays` at the addresses of a `Memory`."""
    n, S, G = memory[0], memory[1], memory[2]
    R, C, ring = memory[3], memory[4], memory[5]
    D, K, length = memory[6], memory[7], memory[8]
    at = memory[_SIZES:]
    return Arrays(
        _array(_pointer(at[0]), (1,), PARAMETERS),
        _array(_pointer(at[1]), (S, G, 4), np.float64),
        _array(_pointer(at[2]), (G, G, 3), np.float64),
        _array(_pointer(at[3]), (S, 3), np.float64),
        _array(_pointer(at[4]), (C, 4), np.float64),
        _array(_pointer(at[5]), (R, C), np.float64),
        _array(_pointer(at[6]), (G, D), np.float32),
        _array(_pointer(at[7]), (7,), np.float64),
        _array(_pointer(at[8]), (K,), np.float64),
        _array(_pointer(at[9]), (K,), np.float64),
        _array(_pointer(at[10]), (length,), np.float64),
        _array(_pointer(at[11]), (n,), STATE),
        _array(_pointer(at[12]), (n,), GENERATOR),
        _array(_pointer(at[13]), (n, S), np.float32),
        _array(_pointer(at[14]), (n, ring), QUERY),
        _array(_pointer(at[15]), (n, BLOCK), QUERY),
        _array(_pointer(at[16]), (n, BLOCK), np.float64),
        _array(_pointer(at[17]), (n, HISTOGRAM_BINS + 1), np.int32),
        _array(_pointer(at[18]), (n, D), np.float32),
        _array(_pointer(at[19]), (n, OUTCOMES), np.float64),
        _array(_pointer(at[20]), (n,), np.float32),
        _array(_pointer(at[21]), (n,), np.bool_),
    )
