"""Section 3: off-chip energy saved.

The paper's figure can only be that of *weight* traffic: feature maps cross the port whatever is
cached, and with them counted not even a buffer that holds every weight saves so much. Both are
shown. Energy per byte is a constant, so shares of energy are shares of bytes. A reload is paid
once and not counted here; the streams of section 4 count it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sushi_accel import get_board, supernet_names
from sushi_accel.boards.board import KIB
from sushi_bench.paper.accelerator import Track
from sushi_bench.paper.dedicated import serve_each
from sushi_bench.paper.designs import Design, default_design
from sushi_bench.paper.devices import DEVICES, URAM_BLOCK_BYTES
from sushi_bench.paper.published import ENERGY_SAVING_PERCENT, PAPER
from sushi_bench.paper.rows import Row, at_least, unpublished

PRESET = "zcu104"
EVERYTHING_BYTES = 2**26
"""A Persistent Buffer that holds all weights of any SubNet."""

DEFINITION = "access energy of weights: the off-chip bytes that a Persistent Buffer can save"


@dataclass(frozen=True)
class Energy:
    """Off-chip bytes saved as a function of the Persistent Buffer.

    Attributes:
        pb_kib: Persistent Buffers, one per UltraRAM block up to all of the device's, KiB, (B,).
        weights_saved: By SuperNet, percent of the weight bytes, shape (B, S).
        traffic_saved: By SuperNet, percent of all bytes, shape (B, S).
        headline: The design with the smallest buffer that reaches the paper's figure, else
            that with the largest.
        subnet: The SubNet that reaches it.
    """

    pb_kib: NDArray[np.float64]
    weights_saved: dict[str, NDArray[np.float64]]
    traffic_saved: dict[str, NDArray[np.float64]]
    headline: Design
    subnet: str


def search(track: Track) -> Energy:
    """Sweeps the Persistent Buffer, block by block, up to what the device has."""
    blocks = list(range(DEVICES[PRESET].uram_blocks + 1))
    weights, traffic = {}, {}
    for supernet in supernet_names():
        served = [
            serve_each(supernet, _with_blocks(b))
            for b in track(blocks, f"sweeping energy of {supernet}")
        ]
        weights[supernet] = np.stack([s.weights_saved for s in served])
        traffic[supernet] = np.stack([s.traffic_saved for s in served])
    supernet, block, i = _smallest(weights, blocks)
    design = Design(supernet, PRESET, _with_blocks(block))
    names = serve_each(supernet, design.board).names
    kib = np.array(blocks) * URAM_BLOCK_BYTES / KIB
    return Energy(kib, weights, traffic, design, names[i])


def _with_blocks(blocks: int):
    return replace(get_board(PRESET), pb_bytes=blocks * URAM_BLOCK_BYTES)


def _smallest(saved: dict[str, NDArray[np.float64]], blocks: Sequence[int]) -> tuple[str, int, int]:
    """SuperNet, blocks and SubNet of the smallest buffer that reaches the paper's figure."""
    for block in blocks:
        for supernet, values in saved.items():
            if values[block].max() >= ENERGY_SAVING_PERCENT:
                return supernet, block, int(values[block].argmax())
    supernet = max(saved, key=lambda name: saved[name][-1].max())
    return supernet, blocks[-1], int(saved[supernet][-1].argmax())


def rows(found: Energy) -> list[Row]:
    """The headline, in both readings, and every SubNet with the default buffer."""
    default = {
        supernet: float(serve_each(supernet, get_board(PRESET)).weights_saved.max())
        for supernet in found.weights_saved
    }
    ours = float(serve_each(found.headline.supernet, found.headline.board).weights_saved.max())
    limits = {
        supernet: float(serve_each(supernet, _everything()).traffic_saved.max())
        for supernet in found.weights_saved
    }
    headline = Row(
        id="offchip_energy_saving_max",
        claim="largest saving of off-chip energy, weights",
        paper=ENERGY_SAVING_PERCENT,
        ours=ours,
        unit="%",
        verdict=at_least(
            ENERGY_SAVING_PERCENT, ours, "all of the device's UltraRAM holds too little"
        ),
        settings={
            "source": PAPER,
            "definition": DEFINITION,
            "subnet": found.subnet,
            "design": found.headline.describe(),
            "on_default_board": default,
        },
    )
    most = max(limits.values())
    all_traffic = Row(
        id="offchip_energy_saving_all_traffic_max",
        claim="the same with feature maps counted",
        paper=ENERGY_SAVING_PERCENT,
        ours=most,
        unit="%",
        verdict=at_least(
            ENERGY_SAVING_PERCENT,
            most,
            "feature maps cross the port whatever is cached: this is what a buffer for all "
            "weights would save",
        ),
        settings={
            "source": PAPER,
            "definition": "access energy of weights, input maps and output maps",
            "pb": "large enough for all weights",
            "by_supernet": limits,
        },
    )
    return [headline, all_traffic, *_subnets()]


def _everything():
    return replace(get_board(PRESET), pb_bytes=EVERYTHING_BYTES)


def _subnets() -> list[Row]:
    rows = []
    for supernet in supernet_names():
        served = serve_each(supernet, get_board(PRESET))
        for i, name in enumerate(served.names):
            rows.append(
                Row(
                    id=f"offchip_energy_saving_{supernet}_{name}",
                    claim=f"off-chip energy saved, SubNet {name} of {supernet}, weights",
                    paper=None,
                    ours=float(served.weights_saved[i]),
                    unit="%",
                    verdict=unpublished(),
                    settings={
                        "definition": DEFINITION,
                        "with_feature_maps_percent": float(served.traffic_saved[i]),
                        "design": default_design(supernet, PRESET).describe(),
                    },
                )
            )
    return rows
