"""OFA-ResNet50's generated layers against the published list."""

import csv

import numpy as np
import pytest

from sushi_accel import get_supernet
from sushi_accel.supernets.ofa_channels import make_divisible
from sushi_accel.supernets.subgraph import shared_slices

MIB = 2**20


def test_generated_layers_equal_the_published_ones(measured_csv):
    with measured_csv.open() as file:
        published = list(csv.DictReader(file))
    generated = [
        {
            "subnet": subnet.name,
            "layer": number,
            "supernet_layer": layer.slot,
            "out_channels": layer.out_channels,
            "in_channels": layer.in_channels,
            "kernel": layer.kernel,
            "stride": layer.stride,
            "padding": layer.padding,
            "in_size": layer.in_size,
            "out_size": layer.out_size,
        }
        for subnet in get_supernet("resnet50").subnets
        for number, layer in enumerate(subnet.layers)
    ]
    assert len(generated) == 318
    for row in published:
        del row["measured_latency_us"]
    assert [{k: str(v) for k, v in row.items()} for row in generated] == published


def test_weights_and_macs_are_the_published_ones():
    subnets = get_supernet("resnet50").subnets
    mib = [round(s.weight_bytes / MIB, 2) for s in subnets]
    assert mib == [7.58, 12.21, 17.78, 25.62, 23.66, 27.47]
    assert [round(s.macs / 1e9, 1) for s in subnets] == [0.6, 0.9, 1.8, 2.4, 3.7, 4.1]
    assert [s.top1 for s in subnets] == [75.0, 76.3, 78.3, 79.0, 79.7, 79.8]


def test_all_six_share_what_the_paper_says():
    shared = shared_slices(get_supernet("resnet50").slices)
    assert shared.prod(axis=-1).sum() / MIB == pytest.approx(7.55, abs=0.005)


@pytest.mark.parametrize(("channels", "expected"), [(20, 24), (41.6, 40), (133, 136), (3, 8)])
def test_make_divisible(channels, expected):
    assert make_divisible(channels) == expected


def test_layer_arrays_agree_with_the_layers():
    supernet = get_supernet("resnet50")
    per_subnet = supernet.layers.weight_bytes.sum(axis=1)
    np.testing.assert_array_equal(per_subnet, [s.weight_bytes for s in supernet.subnets])
