"""Section 1: what SubNets weigh and share."""

from sushi_accel import get_supernet, supernet_names
from sushi_accel.supernets.subgraph import shared_slices
from sushi_bench.paper.published import PAPER, SHARED_MIB, WEIGHTS_MIB
from sushi_bench.paper.rows import Row, equal, unpublished

MIB = 2**20
DECIMALS = 2
RECONSTRUCTED = "the paper's SubNets are not published layer by layer; ours are reconstructed"


def rows() -> list[Row]:
    """One row per SubNet and one per SuperNet."""
    found = []
    for supernet in supernet_names():
        net = get_supernet(supernet)
        exact = supernet == "resnet50"
        settings = {
            "source": PAPER,
            "weights": "int8 convolutions",
            "layers": "published" if exact else "reconstructed",
        }
        because = "the layers differ" if exact else RECONSTRUCTED
        for subnet in net.subnets:
            paper = WEIGHTS_MIB.get(supernet, {}).get(subnet.name)
            ours = subnet.weight_bytes / MIB
            found.append(
                Row(
                    id=f"weights_{supernet}_{subnet.name}",
                    claim=f"weights, {supernet} {subnet.name}",
                    paper=paper,
                    ours=ours,
                    unit="MiB",
                    verdict=unpublished("reconstructed")
                    if paper is None
                    else equal(paper, ours, DECIMALS, because),
                    settings=settings | {"top1_percent": subnet.top1},
                )
            )
        paper = SHARED_MIB[supernet]
        ours = float(shared_slices(net.slices).prod(axis=-1).sum()) / MIB
        found.append(
            Row(
                id=f"shared_weights_{supernet}",
                claim=f"shared by all, {supernet}",
                paper=paper,
                ours=ours,
                unit="MiB",
                verdict=equal(paper, ours, DECIMALS, because),
                settings=settings,
            )
        )
    return found
