"""Spoils files in thousands of ways and reads them: no traceback, no hang, no flood of memory.

Run as `python tests/hostile/run.py --inputs 5000 --seed 0`; ends with 1 if anything is wrong.
"""

import argparse
import resource
import sys
import tempfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `chosen` and `hostile`

from hostile.mutations import spoiled, whole_files
from hostile.readers import READERS, Reader
from hostile.watching import fault_of

KEPT = Path(tempfile.gettempdir()) / "sushi-hostile"
"""Where files that were read wrongly are left."""


@dataclass
class Outcome:
    """What became of the spoiled files of one reader."""

    inputs: int = 0
    refused: int = 0
    slowest_s: float = 0.0
    faults: dict[str, str] = field(default_factory=dict)


def attack(reader: Reader, inputs: int, seed: int, folder: Path, whole: bool = True) -> Outcome:
    """Gives a reader so many spoiled files; first, those that may lie in place of any file."""
    outcome, samples = Outcome(), reader.samples()
    names = whole_files() if whole else {}
    for sample in samples:  # which also compiles whatever is compiled when it is first used
        reader.read(reader.place(sample, folder))
    for number in range(inputs):
        rng = np.random.default_rng([seed, zlib.crc32(reader.name.encode()), number])
        what = f"{seed}.{number}"
        if number < len(names):
            what = list(names)[number]
            contents = names[what]
        else:
            contents = spoiled(samples[number % len(samples)], reader.spoils, rng)
        path = reader.place(contents, folder)
        fault, refused, took = fault_of(reader.read, path)
        outcome.inputs += 1
        outcome.refused += refused
        outcome.slowest_s = max(outcome.slowest_s, took)
        if fault:
            outcome.faults[what] = fault
            KEPT.mkdir(exist_ok=True)
            name = f"{reader.name}-{what}-{reader.file}".replace(" ", "_").replace("/", "_")
            (KEPT / name).write_bytes(contents)
    return outcome


def main() -> int:
    """Attacks all readers, or some, and prints what became of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reader", choices=list(READERS), action="append")
    options = parser.parse_args()
    readers = [READERS[name] for name in options.reader or READERS]
    shares = sum(reader.share for reader in readers)
    total, faults = 0, 0
    for reader in readers:
        count = max(round(options.inputs * reader.share / shares), 1)
        with tempfile.TemporaryDirectory() as folder:
            found = attack(reader, count, options.seed, Path(folder))
        total, faults = total + found.inputs, faults + len(found.faults)
        print(
            f"{reader.name:18} {found.inputs:5} files, {found.refused:5} refused, slowest "
            f"{found.slowest_s:5.2f} s, {len(found.faults)} faults",
            flush=True,
        )
        for what, fault in found.faults.items():
            print(f"    {what}: {fault}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"{total} files, {faults} faults, at most {peak:.2f} GiB")
    if faults:
        print(f"the files are in {KEPT}")
    return int(faults > 0 or peak > 1)


if __name__ == "__main__":
    sys.exit(main())
