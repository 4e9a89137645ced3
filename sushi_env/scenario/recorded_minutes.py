"""Traces that come with the package: requests per minute as recorded, spread over each minute.

The counts are those of the Azure LLM inference traces of 2023 (Splitwise, ISCA 2024; CC-BY 4.0),
`AzureLLMInferenceTrace_code.csv` and `AzureLLMInferenceTrace_conv.csv`, of which nothing else is
carried here: within a minute, times are drawn uniformly. So the replay has the load of real users
from minute to minute, bursts and silences included, but not what happens within a minute.
"""

import gzip
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sushi_env.numerics.streams import uniforms

# Requests in each minute, from the first request on; 57 whole minutes.
# fmt: off
AZURE_CODE_2023 = (
    63, 0, 0, 531, 187, 130, 15, 42, 38, 476, 421, 63, 0, 0, 632, 299, 0, 20, 396,
    315, 116, 78, 306, 447, 252, 34, 128, 111, 406, 234, 118, 169, 130, 306, 158, 0, 339, 55,
    285, 191, 0, 28, 205, 245, 99, 0, 0, 32, 0, 0, 0, 97, 212, 22, 32, 113, 47,
)
AZURE_CONVERSATION_2023 = (
    191, 265, 329, 353, 307, 273, 268, 261, 322, 298, 301, 302, 345, 326, 283, 279, 280, 308, 343,
    351, 351, 343, 408, 396, 386, 398, 432, 480, 476, 453, 448, 507, 438, 413, 423, 418, 465, 311,
    329, 316, 333, 355, 319, 360, 334, 375, 330, 249, 221, 249, 265, 280, 256, 254, 242, 260, 246,
)
# fmt: on

TRACES = {
    "coding-assistant.csv.gz": (AZURE_CODE_2023, 1),
    "chat.csv.gz": (AZURE_CONVERSATION_2023, 2),
}
"""File names, counts, and the key of the stream that spreads them."""


def times_of(counts: tuple[int, ...], key: int) -> NDArray[np.float64]:
    """Arrival times with given numbers of requests per minute.

    Args:
        counts: Requests in each minute.
        key: Key of the random stream; the same key gives the same times on any machine.

    Returns:
        Times, seconds, in whole milliseconds, ascending, float64, shape (sum(counts),).
    """
    drawn = uniforms(np.uint64(key), sum(counts))
    minutes = np.repeat(np.arange(len(counts)), counts)
    return np.floor(np.sort(60.0 * (minutes + drawn)) * 1000) / 1000


def write_traces(folder: Path) -> None:
    """Writes the package's traces into a folder, as gzipped CSV."""
    for name, (counts, key) in TRACES.items():
        lines = ["arrival_s", *(f"{time:.3f}" for time in times_of(counts, key))]
        packed = io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
            file.write(("\n".join(lines) + "\n").encode())
        (folder / name).write_bytes(packed.getvalue())
