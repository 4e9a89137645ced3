"""`sushi accel import`: a SuperNet of independent networks from ONNX models."""

import re
from pathlib import Path
from typing import Annotated

import typer

from sushi_accel import InputError, save_supernet
from sushi_accel.registry import is_file_name
from sushi_accel.shown import plain
from sushi_accel.supernets.onnx_layers import OnnxNetwork, read_onnx
from sushi_accel.supernets.supernet import independent_networks
from sushi_bench import console
from sushi_bench.commands.options import JsonOption

MIB = 1024**2
MOST_SHOWN = 20


def import_(
    models: Annotated[list[Path], typer.Argument(metavar="MODEL.onnx …", help="ONNX models.")],
    out: Annotated[Path, typer.Option(help="SuperNet file to write, .yaml.")],
    top1: Annotated[
        list[float] | None,
        typer.Option(help="Top-1 accuracy of a model, percent; one for each, in their order."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Its name; by default the file's.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write ONNX models as a SuperNet of independent networks, which share no weights."""
    if top1 and len(top1) != len(models):
        raise InputError(f"--top1 is given {len(top1)} times, must be once for each of the models")
    if not is_file_name(str(out)):
        raise InputError(f"--out {plain(out)}: must end in .yaml, or it is no SuperNet's name")
    accuracies = top1 or [0.0] * len(models)
    found = [
        read_onnx(path, _name(path.stem), accuracy)
        for path, accuracy in zip(models, accuracies, strict=True)
    ]
    found.sort(key=lambda network: network.subnet.macs)
    supernet = independent_networks(
        _name(out.stem if name is None else name), [network.subnet for network in found]
    )
    save_supernet(supernet, out)
    if as_json:
        subnets = [_as_json(network) for network in found]
        console.print_json({"supernet": supernet.name, "out": str(out), "subnets": subnets})
        return
    rows = [
        (
            network.subnet.name,
            len(network.subnet.layers),
            f"{network.subnet.weight_bytes / MIB:.2f}",
            f"{network.subnet.macs / 1e6:.1f}",
            f"{network.unknown_weights / MIB:.2f}" if network.unknown else None,
        )
        for network in found
    ]
    columns = ("network", "layers", "MiB", "million MACs", "MiB not understood")
    console.out.print(console.table(columns, rows, f"{supernet.name}, written to {out}"))
    for network in found:
        for what in network.unknown[:MOST_SHOWN]:
            console.say(f"{network.subnet.name}: not understood, left out: {what}")
        if len(network.unknown) > MOST_SHOWN:
            more = len(network.unknown) - MOST_SHOWN
            console.say(f"{network.subnet.name}: and {more} more")
    if not top1:
        console.say("Top-1 is 0: models do not say it. Give --top1, or edit the file.")


def _name(text: str) -> str:
    """A name that a SuperNet file may have, close to the one given."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("._-")[:64] or "model"


def _as_json(network: OnnxNetwork) -> dict[str, object]:
    subnet = network.subnet
    return {
        "name": subnet.name,
        "top1": subnet.top1,
        "layers": len(subnet.layers),
        "weight_bytes": subnet.weight_bytes,
        "macs": subnet.macs,
        "free": network.free,
        "not_understood": list(network.unknown),
        "not_understood_weights": network.unknown_weights,
    }
