"""Section 3: off-chip energy saved.

The paper's figure can only be that of *weight* traffic: feature maps cross the port whatever is
cached, and with them counted not even a buffer that holds every weight saves so much. Both are
shown. Energy per byte is a constant, so shares of energy are shares of bytes. A reload is paid
once and not counted here; the streams of section 4 count it.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sushi_accel import Board, get_board, supernet_names
from sushi_accel.boards.board import KIB
from sushi_bench.paper.dedicated import Served, serve_each
from sushi_bench.paper.designs import Design, default_design
from sushi_bench.paper.devices import DEVICES, URAM_BLOCK_BYTES
from sushi_bench.paper.published import ENERGY_SAVING_PERCENT
from sushi_bench.paper.rows import Row, alone, compared
from sushi_bench.paper.sections import Track

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
    sizes = URAM_BLOCK_BYTES * np.arange(DEVICES[PRESET].uram_blocks + 1)
    weights, traffic = {}, {}
    for supernet in supernet_names():
        served = [
            serve_each(supernet, _board(size))
            for size in track(sizes.tolist(), f"sweeping energy of {supernet}")
        ]
        weights[supernet] = np.stack([s.weights_saved for s in served])
        traffic[supernet] = np.stack([s.traffic_saved for s in served])
    most = {supernet: saved.max(axis=1) for supernet, saved in weights.items()}
    enough = ENERGY_SAVING_PERCENT
    reaching = ((n, s) for n in range(len(sizes)) for s in most if most[s][n] >= enough)
    n, supernet = next(reaching, (-1, max(most, key=lambda s: most[s][-1])))
    design = Design(supernet, PRESET, _board(int(sizes[n])))
    subnet = serve_each(supernet, design.board).names[int(weights[supernet][n].argmax())]
    return Energy(sizes / KIB, weights, traffic, design, subnet)


def _board(pb_bytes: int) -> Board:
    return replace(get_board(PRESET), pb_bytes=pb_bytes)


def rows(found: Energy) -> list[Row]:
    """The headline, in both readings, and every SubNet with the default buffer."""
    by_default = {s: serve_each(s, get_board(PRESET)) for s in supernet_names()}
    design = found.headline
    headline = compared(
        "offchip_energy_saving_max",
        "largest saving of off-chip energy, weights",
        ENERGY_SAVING_PERCENT,
        float(serve_each(design.supernet, design.board).weights_saved.max()),
        "%",
        "all of the device's UltraRAM holds too little",
        {
            "definition": DEFINITION,
            "subnet": found.subnet,
            "design": design.describe(),
            "on_default_board": {s: float(d.weights_saved.max()) for s, d in by_default.items()},
        },
    )
    limits = {
        s: float(serve_each(s, _board(EVERYTHING_BYTES)).traffic_saved.max()) for s in by_default
    }
    all_traffic = compared(
        "offchip_energy_saving_all_traffic_max",
        "the same with feature maps counted",
        ENERGY_SAVING_PERCENT,
        max(limits.values()),
        "%",
        "feature maps cross the port whatever is cached: this is what a buffer for all weights "
        "would save",
        {
            "definition": "access energy of weights, input maps and output maps",
            "pb": "large enough for all weights",
            "by_supernet": limits,
        },
    )
    each = [row for supernet, served in by_default.items() for row in _subnets(supernet, served)]
    return [headline, all_traffic, *each]


def _subnets(supernet: str, served: Served) -> list[Row]:
    design = default_design(supernet, PRESET).describe()
    return [
        alone(
            f"offchip_energy_saving_{supernet}_{name}",
            f"off-chip energy saved, SubNet {name} of {supernet}, weights",
            float(served.weights_saved[i]),
            "%",
            {
                "definition": DEFINITION,
                "with_feature_maps_percent": float(served.traffic_saved[i]),
                "design": design,
            },
        )
        for i, name in enumerate(served.names)
    ]
