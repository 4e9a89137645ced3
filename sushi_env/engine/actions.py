"""Actions: what is one, which are legal now, and how a pair is one number.

An action is a pair, the SubNet i that serves the head of the queue and the SubGraph j to cache
next. `legal` is the one rule of what may be chosen; the engine's check and the masks of every
interface follow from it.
"""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sushi_accel import InputError, SushiAbs
from sushi_env.engine.memory import attach
from sushi_env.numerics.compiling import compiled


class IllegalActionError(InputError):
    """An action that may not be chosen.

    Attributes:
        environment: Index of the environment in its batch.
        allowed: What may be chosen, in words.
    """

    def __init__(self, action: Any, environment: int, allowed: str):
        super().__init__(f"action {action} of environment {environment}, must be {allowed}")
        self.environment, self.allowed = environment, allowed

    def __reduce__(self) -> tuple:
        # An error that a worker process sends home is made of its message alone.
        return InputError, (str(self),)


@compiled(error_model="numpy", inline="always")
def legal(k, m, i, j):
    """Whether environment k, as it is now, may choose SubNet i and SubGraph j."""
    return i >= 0 and i < m.pairs.shape[0] and j >= 0 and j < m.pairs.shape[1]


@compiled(error_model="numpy", nogil=True)
def write_masks(memory, masks):
    """Writes which SubNets and SubGraphs each environment may choose as it is now.

    SubNet 0 and SubGraph 0 are always legal, and neither choice restricts the other.

    Args:
        memory: Addresses of a `Memory` of n environments.
        masks: Written, bool, shape (n, S + G).
    """
    m = attach(memory)
    S, G = m.pairs.shape[0], m.pairs.shape[1]
    for k in range(masks.shape[0]):
        for i in range(S):
            masks[k, i] = legal(k, m, i, 0)
        for j in range(G):
            masks[k, S + j] = legal(k, m, 0, j)


def sizes(table: SushiAbs) -> tuple[int, int]:
    """Numbers of SubNets S and of SubGraphs G that there are to choose from."""
    return table.num_subnets, table.num_subgraphs


def action_space(table: SushiAbs) -> spaces.MultiDiscrete:
    """The space of pairs, `MultiDiscrete([S, G])`."""
    return spaces.MultiDiscrete(list(sizes(table)))


def allowed(table: SushiAbs) -> str:
    """What may be chosen, in words."""
    S, G = sizes(table)
    return f"a SubNet in 0..{S - 1} and a SubGraph in 0..{G - 1}"


def as_pair(action: Any) -> list[int]:
    """A single environment's action, two integers, as a list.

    Raises:
        InputError: If it is anything else.
    """
    pair = np.asarray(action)
    if pair.shape != (2,) or pair.dtype.kind not in "iu":
        raise InputError(f"action {action!r}: must be two integers, a SubNet and a SubGraph")
    return pair.tolist()


def as_pairs(raw: Any, n: int, table: SushiAbs, whole_floats: bool = False) -> NDArray[np.int64]:
    """A batch's actions as the engine takes them; whether they are legal is the engine's to say.

    Args:
        raw: Anything that is to be an array of n pairs of integers.
        n: Number of environments.
        table: The scenario's table.
        whole_floats: Whether floats without a fraction count as integers, as from a network.

    Returns:
        int64, shape (n, 2).

    Raises:
        InputError: If shape or type is wrong, or a float is not whole or not finite.
    """
    try:
        pairs: NDArray = np.asarray(raw)
    except Exception:
        raise InputError("returned no array of actions") from None
    if pairs.shape != (n, 2):
        raise InputError(f"actions of shape {pairs.shape}, must be ({n}, 2)")
    if pairs.dtype.kind not in ("iuf" if whole_floats else "iu"):
        raise InputError(f"actions of type {pairs.dtype}, must be integers")
    if pairs.dtype.kind == "f":
        unlike = ~(np.abs(pairs) < 2.0**31) | (pairs != np.floor(pairs))
        if unlike.any():
            k = int(np.flatnonzero(unlike.any(axis=1))[0])
            raise IllegalActionError(pairs[k].tolist(), k, allowed(table))
    return np.ascontiguousarray(pairs, dtype=np.int64)


@compiled(error_model="numpy", inline="always")
def encode(i, j, num_subgraphs):
    """The pair (i, j) as one number, action i * G + j of `Discrete(S * G)`."""
    return i * num_subgraphs + j


def decode(numbers: Any, num_subgraphs: int) -> NDArray[np.int64]:
    """Actions a of `Discrete(S * G)` as pairs (a // G, a % G); shape (...) to (..., 2).

    A number that is out of range becomes a pair that is, and is refused as that.
    """
    return np.stack(np.divmod(np.asarray(numbers), num_subgraphs), axis=-1)


def as_numbers(actions: Any, shape: tuple[int, ...], num_subgraphs: int) -> NDArray[np.int64]:
    """Actions of `Discrete(S * G)`, as `decode` takes them.

    Args:
        actions: Anything that is to be integers.
        shape: The shape that they must have: (n,), or () for a single environment.
        num_subgraphs: G.

    Raises:
        InputError: If shape or type is wrong.
    """
    numbers = np.asarray(actions)
    if numbers.shape != shape or numbers.dtype.kind not in "iu":
        what = f"{shape[0]} integers" if shape else "an integer"
        raise InputError(f"action {actions!r}: must be {what}, SubNet * {num_subgraphs} + SubGraph")
    return numbers.astype(np.int64)


def illegal_number(
    error: IllegalActionError, actions: Any, num_subgraphs: int
) -> IllegalActionError:
    """The refusal of a pair, in words of the number that the user gave.

    Args:
        error: The refusal.
        actions: The numbers, one for each environment.
        num_subgraphs: G.
    """
    number = int(np.atleast_1d(actions)[error.environment])
    words = f"SubNet * {num_subgraphs} + SubGraph, with {error.allowed}"
    return IllegalActionError(number, error.environment, words)


def pair_masks(masks: NDArray[np.bool_], num_subnets: int) -> NDArray[np.bool_]:
    """Masks of SubNets and SubGraphs, shape (..., S + G), as masks of pairs, (..., S * G)."""
    pairs = masks[..., :num_subnets, None] & masks[..., None, num_subnets:]
    return pairs.reshape(*masks.shape[:-1], -1)
