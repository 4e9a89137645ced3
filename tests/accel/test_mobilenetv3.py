"""OFA-MobileNetV3: the published figures that its reconstructed SubNets must meet."""

import numpy as np
import pytest

from sushi_accel import build_table, get_board, get_supernet
from sushi_accel.supernets.ofa_mobilenetv3 import (
    PUBLISHED_TOP1,
    MobileNetSettings,
    interpolated_top1,
    mobilenetv3_layers,
)
from sushi_accel.supernets.subgraph import shared_slices

MIB = 2**20


@pytest.fixture(scope="module")
def net():
    return get_supernet("mobilenetv3")


def test_seven_subnets_weigh_and_share_what_the_paper_says(net):
    assert [subnet.name for subnet in net.subnets] == list("ABCDEFG")
    mib = [subnet.weight_bytes / MIB for subnet in net.subnets]
    assert min(mib) == pytest.approx(2.97, rel=0.02)
    assert max(mib) == pytest.approx(4.74, rel=0.02)
    shared = shared_slices(net.slices).prod(axis=-1).sum() / MIB
    assert shared == pytest.approx(2.90, rel=0.02)


def test_they_are_pareto_ordered(net):
    macs = [subnet.macs for subnet in net.subnets]
    top1 = [subnet.top1 for subnet in net.subnets]
    assert (np.diff(macs) > 0).all()
    assert (np.diff(top1) > 0).all()
    assert (np.diff([subnet.weight_bytes for subnet in net.subnets]) > 0).all()
    for board in ("zcu104", "zcu104-overlapped"):
        table = build_table(net, get_board(board), num_subgraphs=1)
        assert (np.diff(table.latency_s[:, 0]) > 0).all()


def test_top1_goes_through_the_published_points_and_stays_within_them(net):
    for mmacs, top1 in PUBLISHED_TOP1:
        assert interpolated_top1(int(mmacs * 1e6)) == top1
    between = interpolated_top1(int((389e6 * 482e6) ** 0.5))
    assert between == pytest.approx((79.1 + 79.6) / 2, abs=0.006)
    low, high = PUBLISHED_TOP1[0][0] * 1e6, PUBLISHED_TOP1[-1][0] * 1e6
    assert all(low <= subnet.macs <= high for subnet in net.subnets)


def test_blocks_have_the_layers_of_mobilenetv3(net):
    largest = net.subnets[-1].layers
    assert {layer.kernel for layer in largest} == {1, 3, 7}
    assert {layer.kernel for layer in net.subnets[3].layers} == {1, 3, 5, 7}
    for layer in largest:
        if layer.kernel > 1 and layer.slot:
            assert layer.depthwise
            assert layer.weight_bytes == layer.out_channels * layer.kernel**2
    squeezed = [layer for layer in largest if layer.in_size == 1]
    assert len(squeezed) == 2 * (3 + 3 + 3) + 1  # two a block of three stages, feature mixing
    assert [layer.out_size for layer in largest][-2] == 7


def test_a_deeper_wider_larger_setting_holds_a_smaller_one():
    small = MobileNetSettings((2,) * 5, (3,) * 5, (3,) * 5)
    large = MobileNetSettings((4,) * 5, (6,) * 5, (7,) * 5)
    mine = {layer.slot: layer for layer in mobilenetv3_layers(large)}
    assert len(mine) == len(mobilenetv3_layers(large))
    for layer in mobilenetv3_layers(small):
        other = mine[layer.slot]
        assert layer.out_channels <= other.out_channels
        assert layer.in_channels <= other.in_channels
        assert layer.kernel <= other.kernel
        assert (layer.in_size, layer.stride) == (other.in_size, other.stride)
    # The smallest network of the SuperNet weighs 2.91 MiB: what identifies the width of 1.2.
    weight = sum(layer.weight_bytes for layer in mobilenetv3_layers(small)) / MIB
    assert weight == pytest.approx(2.91, abs=0.005)
