"""Section 6: the hardware model's predictions beside layers measured on a ZCU104."""

from pathlib import Path

from sushi_accel import get_board
from sushi_accel.silicon.measurements import load_measurements
from sushi_accel.silicon.validation import Validation, validate_board
from sushi_bench.paper.published import MEASURED
from sushi_bench.paper.rows import Row, alone, compared

PRESETS = ("zcu104", "zcu104-overlapped")


def search(path: Path) -> dict[str, Validation]:
    """Predicts every measured layer, under every preset.

    Raises:
        InputError: If the file cannot be read or is not a CSV of measured layers.
    """
    measurements = load_measurements(path)
    return {name: validate_board(measurements, get_board(name)) for name in PRESETS}


def rows(found: dict[str, Validation]) -> list[Row]:
    """One row per network and preset, and the mean error per layer of each preset."""
    rows = []
    for preset, validation in found.items():
        measurements = validation.measurements
        for network, (predicted, measured) in validation.networks.items():
            rows.append(
                compared(
                    f"validation_{preset}_{network}",
                    f"measured 3x3 layers of SubNet {network} in total, model {preset}",
                    measured / 1e3,
                    predicted / 1e3,
                    "ms",
                    "the model misses these layers",
                    {
                        "layers": int(measurements.rows_of(network).sum()),
                        "error_percent": 100 * (predicted / measured - 1),
                        "driver_call_per_layer": True,
                    },
                    decimals=2,
                    source=MEASURED,
                )
            )
        settings = {"source": MEASURED, "layers": int(measurements.known.sum())}
        settings |= {"worst_percent": 100 * validation.worst_abs_error}
        rows.append(
            alone(
                f"validation_{preset}_layers",
                f"mean error per measured layer, model {preset}",
                100 * validation.mean_abs_error,
                "%",
                settings,
                "the constants were fitted to these layers",
            )
        )
    return rows
