"""The arrays of a batch of environments, and how the kernel gets at them.

Numba unpacks every array argument of a call, at some 0.1 microseconds each: for the arrays here,
as much as ten steps take. So a call passes one array of sizes and addresses, and `attach` makes
arrays of them inside the kernel. `Memory` owns what the addresses point to.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sushi_env.engine.problem import Problem
from sushi_env.engine.records import (
    BLOCK,
    CLASS_MASK,
    GENERATOR,
    HISTOGRAM_BINS,
    OFFSETS,
    OUTCOME,
    PARAMETERS,
    QUERY,
    STATE,
    WEIGHTS,
)
from sushi_env.numerics.compiling import compiled
from sushi_env.numerics.pointers import array_at, pointer

_SIZES = 9


class Arrays(NamedTuple):
    """What the kernel works on, for n environments; the scenario's arrays are in `Problem`.

    Attributes:
        parameters: See `Problem`, as for the eleven that follow.
        pairs: -
        reloads: -
        subnets: -
        classes: -
        class_cdf: -
        rows: -
        reward_weights: -
        offsets: -
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
        outcome: What the latest step did, records of dtype `OUTCOME`, shape (n,).
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
    offsets: NDArray
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
            problem.offsets,
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
            outcome=np.zeros(n, dtype=OUTCOME),
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
            (a.queue["tag"] & CLASS_MASK, a.class_cdf.shape[1]),
            (a.block["tag"] & CLASS_MASK, a.class_cdf.shape[1]),
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


@compiled(error_model="numpy", inline="always")
def attach(memory):
    """The `Arrays` at the addresses of a `Memory`."""
    n, S, G = memory[0], memory[1], memory[2]
    R, C, ring = memory[3], memory[4], memory[5]
    D, K, length = memory[6], memory[7], memory[8]
    at = memory[_SIZES:]
    return Arrays(
        array_at(pointer(at[0]), (1,), PARAMETERS),
        array_at(pointer(at[1]), (S, G, 4), np.float64),
        array_at(pointer(at[2]), (G, G, 3), np.float64),
        array_at(pointer(at[3]), (S, 3), np.float64),
        array_at(pointer(at[4]), (C, 4), np.float64),
        array_at(pointer(at[5]), (R, C), np.float64),
        array_at(pointer(at[6]), (G, D), np.float32),
        array_at(pointer(at[7]), (1,), WEIGHTS),
        array_at(pointer(at[8]), (1,), OFFSETS),
        array_at(pointer(at[9]), (K,), np.float64),
        array_at(pointer(at[10]), (K,), np.float64),
        array_at(pointer(at[11]), (length,), np.float64),
        array_at(pointer(at[12]), (n,), STATE),
        array_at(pointer(at[13]), (n,), GENERATOR),
        array_at(pointer(at[14]), (n, S), np.float32),
        array_at(pointer(at[15]), (n, ring), QUERY),
        array_at(pointer(at[16]), (n, BLOCK), QUERY),
        array_at(pointer(at[17]), (n, BLOCK), np.float64),
        array_at(pointer(at[18]), (n, HISTOGRAM_BINS + 1), np.int32),
        array_at(pointer(at[19]), (n, D), np.float32),
        array_at(pointer(at[20]), (n,), OUTCOME),
        array_at(pointer(at[21]), (n,), np.float32),
        array_at(pointer(at[22]), (n,), np.bool_),
    )
