"""Section 1: what SubNets weigh and share."""

from sushi_accel import get_supernet, supernet_names
from sushi_accel.supernets.subgraph import shared_slices
from sushi_bench.paper.published import PAPER, SHARED_MIB, WEIGHTS_MIB
from sushi_bench.paper.rows import Row, alone, compared

MIB = 2**20
DECIMALS = 2
RECONSTRUCTED = "the paper's SubNets are not published layer by layer; ours are reconstructed"


def rows() -> list[Row]:
    """One row per SubNet and one per SuperNet."""
    found = []
    for supernet in supernet_names():
        net = get_supernet(supernet)
        exact = supernet == "resnet50"
        because = "the layers differ" if exact else RECONSTRUCTED
        layers = "published" if exact else "reconstructed"
        settings = {"source": PAPER, "weights": "int8 convolutions", "layers": layers}
        for subnet in net.subnets:
            name, claim = f"weights_{supernet}_{subnet.name}", f"weights, {supernet} {subnet.name}"
            paper = WEIGHTS_MIB.get(supernet, {}).get(subnet.name)
            figure, about = subnet.weight_bytes / MIB, settings | {"top1_percent": subnet.top1}
            found.append(
                alone(name, claim, figure, "MiB", about, "reconstructed")
                if paper is None
                else compared(name, claim, paper, figure, "MiB", because, about, decimals=DECIMALS)
            )
        name, claim = f"shared_weights_{supernet}", f"shared by all, {supernet}"
        paper = SHARED_MIB[supernet]
        figure = float(shared_slices(net.slices).prod(axis=-1).sum()) / MIB
        found.append(
            compared(name, claim, paper, figure, "MiB", because, settings, decimals=DECIMALS)
        )
    return found
