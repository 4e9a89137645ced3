"""Energy, counted by hand on layers small enough to count."""

from dataclasses import replace

import numpy as np
import pytest

from sushi_accel import Board, ConvLayer, SubNet, SuperNet, get_board
from sushi_accel.model.energy import energy_j, onchip_bytes
from sushi_accel.model.timing import layer_work

BOARD = replace(get_board("zcu104"), offchip_j_per_byte=1.0, onchip_j_per_byte=0.0, j_per_mac=0.0)


def work_of(layer: ConvLayer, board: Board = BOARD):
    net = SuperNet("one", 1, (SubNet("x", 70.0, layer.in_size, (layer,)),))
    return layer_work(net.layers, board)


def test_a_dense_layer_by_hand():
    layer = ConvLayer(0, 20, 10, 3, 1, 1, 4)  # two tiles of K, two of C
    weights, inputs, outputs = 20 * 10 * 9, 10 * 16, 20 * 16
    work = work_of(layer)
    assert energy_j(work, BOARD, np.zeros(1)).item() == weights + inputs + outputs
    assert energy_j(work, BOARD, np.full(1, 700.0)).item() == weights - 700 + inputs + outputs
    sums = 2 * 4 * outputs * 2
    expected = 2 * weights + inputs * (1 + 2) + sums
    assert onchip_bytes(work, np.zeros(1)).item() == expected
    assert onchip_bytes(work, np.full(1, 700.0)).item() == expected - 700
    macs_only = replace(BOARD, offchip_j_per_byte=0.0, j_per_mac=2.0)
    assert energy_j(work, macs_only, np.zeros(1)).item() == 2 * weights * 16


def test_a_depthwise_layer_reads_its_input_once_per_nine_taps():
    """Each tile of channels has an input of its own; a dense layer reads all of it per tile."""
    layer = ConvLayer(0, 48, 48, 5, 1, 2, 4, depthwise=True)  # three tiles of K, three of taps
    weights, maps = 48 * 25, 48 * 16
    assert onchip_bytes(work_of(layer), np.zeros(1)).item() == (
        2 * weights + maps * (1 + 3) + 2 * 4 * maps * 3
    )


def test_constants_are_the_cited_ones():
    """Horowitz, ISSCC 2014, 45 nm: 1.3 nJ and 100 pJ per 64 bit; int8 0.2 + 0.03 pJ."""
    board = get_board("zcu104")
    assert board.offchip_j_per_byte == pytest.approx(1.3e-9 / 8)
    assert board.onchip_j_per_byte == pytest.approx(100e-12 / 8)
    assert board.j_per_mac == pytest.approx(0.23e-12)
