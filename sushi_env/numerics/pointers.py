"""Memory by address, for compiled functions; each with a twin in plain Python."""

# pyright: reportCallIssue=false, reportPrivateImportUsage=false
# (Numba passes the first argument of an intrinsic itself, and exports `carray` untyped.)

import ctypes
from typing import Any

import numba as nb
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numpy.typing import NDArray

from sushi_env.numerics.compiling import PLAIN, machine_code


def _plain_array(pointer: ctypes.c_void_p, shape: tuple[int, ...], dtype: Any) -> NDArray:
    array = nb.carray(pointer, shape, dtype)
    return array if array.dtype.names is None else array.view(np.recarray)


array_at = _plain_array if PLAIN else nb.carray
"""The array of a shape and dtype at a pointer."""


@machine_code(lambda address: ctypes.c_void_p(int(address)))
def pointer(typingctx, address):
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


def _plain_clear(array: NDArray, index: int) -> None:
    array.reshape(-1)[index] = np.zeros((), dtype=array.dtype)


@machine_code(_plain_clear)
def clear(typingctx, array, index):
    """Makes an element all zeros, by its flat index."""

    def codegen(context, builder, signature, arguments):
        at, size = _element(context, builder, signature.args[0], *arguments)
        cgutils.memset(builder, at, ir.Constant(ir.IntType(64), size), 0)
        return context.get_dummy_value()

    return types.void(array, types.int64), codegen


def _plain_copy(to: NDArray, to_index: int, source: NDArray, source_index: int, count: int) -> None:
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
