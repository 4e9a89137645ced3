"""Section 6: the hardware model's predictions beside layers measured on a ZCU104."""

from dataclasses import dataclass
from pathlib import Path

from sushi_accel import get_board
from sushi_accel.silicon.measurements import load_measurements
from sushi_accel.silicon.validation import Validation, validate_board
from sushi_bench.paper.published import MEASURED
from sushi_bench.paper.rows import Row, equal, unpublished

PRESETS = ("zcu104", "zcu104-overlapped")
DEFAULT_CSV = Path("../shared/data/hw/zcu104_resnet50_layers.csv")
"""Looked for from the working directory; measurements do not come with the package."""


@dataclass(frozen=True)
class Silicon:
    """Validations by preset."""

    validations: dict[str, Validation]


def search(path: Path) -> Silicon:
    """Predicts every measured layer.

    Raises:
        InputError: If the file cannot be read or is not a CSV of measured layers.
    """
    measurements = load_measurements(path)
    return Silicon({name: validate_board(measurements, get_board(name)) for name in PRESETS})


def rows(found: Silicon) -> list[Row]:
    """One row per network and preset, and the mean error per layer of each preset."""
    rows = []
    for preset, validation in found.validations.items():
        for network, (predicted, measured) in validation.networks.items():
            layers = int(validation.measurements.rows_of(network).sum())
            rows.append(
                Row(
                    id=f"validation_{preset}_{network}",
                    claim=f"measured 3x3 layers of SubNet {network} in total, model {preset}",
                    paper=measured / 1e3,
                    ours=predicted / 1e3,
                    unit="ms",
                    verdict=equal(
                        measured / 1e3, predicted / 1e3, 2, "the model misses these layers"
                    ),
                    settings={
                        "source": MEASURED,
                        "layers": layers,
                        "error_percent": 100 * (predicted / measured - 1),
                        "driver_call_per_layer": True,
                    },
                )
            )
        rows.append(
            Row(
                id=f"validation_{preset}_layers",
                claim=f"mean error per measured layer, model {preset}",
                paper=None,
                ours=100 * validation.mean_abs_error,
                unit="%",
                verdict=unpublished("the constants were fitted to these layers"),
                settings={
                    "source": MEASURED,
                    "layers": int(validation.measurements.known.sum()),
                    "worst_percent": 100 * validation.worst_abs_error,
                },
            )
        )
    return rows
