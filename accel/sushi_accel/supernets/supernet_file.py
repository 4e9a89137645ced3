"""A user's own SuperNet, from a YAML file.

Where layers name the slots that they are cut from, SubNets share weights. Where none does, and
`num_slots` is not given, the SubNets are independent networks.
"""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from sushi_accel.errors import InputError
from sushi_accel.files.documents import validate, write_atomically
from sushi_accel.files.reading import named
from sushi_accel.files.versions import Format
from sushi_accel.files.yaml_text import read_yaml
from sushi_accel.supernets.layer import ConvLayer
from sushi_accel.supernets.supernet import SubNet, SuperNet, independent_networks

FORMAT = Format("schema_version", 1)

_Count = Annotated[int, Field(ge=1, le=2**20)]
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Layer(_Document):
    slot: Annotated[int, Field(ge=0, le=9999)] | None = None
    out_channels: _Count
    in_channels: _Count
    kernel: Annotated[int, Field(ge=1, le=64)]
    stride: Annotated[int, Field(ge=1, le=64)] = 1
    padding: Annotated[int, Field(ge=0, le=64)] = 0
    in_size: Annotated[int, Field(ge=1, le=8192)]
    depthwise: bool = False


class _SubNet(_Document):
    name: _Name
    top1: Annotated[float, Field(ge=0, le=100)]
    image_size: Annotated[int, Field(ge=1, le=8192)]
    layers: Annotated[tuple[_Layer, ...], Field(min_length=1, max_length=10_000)]
    output_bytes: Annotated[int, Field(ge=0, le=2**40)] = 0


class _SuperNet(_Document):
    schema_version: Literal[1]
    name: _Name
    num_slots: Annotated[int, Field(ge=1, le=10_000)] | None = None
    subnets: Annotated[tuple[_SubNet, ...], Field(min_length=1, max_length=64)]


def load_supernet(path: str | Path) -> SuperNet:
    """Reads a SuperNet: its layers and SubNets, as `save_supernet` writes them.

    Raises:
        InputError: If the file is missing, too large, not YAML, of a schema version not known
            here, or describes an impossible network.
    """
    where = named("SuperNet file", path)
    document = validate(_SuperNet, FORMAT.upgraded(read_yaml(path, where), where), where)
    slots = [layer.slot for subnet in document.subnets for layer in subnet.layers]
    independent = document.num_slots is None and not any(slot is not None for slot in slots)
    if not independent and (document.num_slots is None or None in slots):
        key = "num_slots" if document.num_slots is None else "slot of a layer"
        raise InputError(
            f"{where}: key '{key}' is missing; only independent networks have neither of the two"
        )
    subnets = []
    for subnet in document.subnets:
        shapes = (layer.model_dump(exclude={"slot"}) for layer in subnet.layers)
        own = (layer.slot or 0 for layer in subnet.layers)
        layers = tuple(ConvLayer(slot, **shape) for slot, shape in zip(own, shapes, strict=True))
        for number, layer in enumerate(layers):
            here = f"{where}: SubNet {subnet.name!r}, layer {number}"
            if layer.out_size < 1:
                raise InputError(f"{here}: a kernel of {layer.kernel} does not fit its input")
            if layer.depthwise and layer.in_channels != layer.out_channels:
                raise InputError(f"{here}: depthwise needs as many output as input channels")
        subnets.append(
            SubNet(subnet.name, subnet.top1, subnet.image_size, layers, subnet.output_bytes)
        )
    try:
        if document.num_slots is None:
            return independent_networks(document.name, subnets)
        return SuperNet(document.name, document.num_slots, tuple(subnets))
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def save_supernet(supernet: SuperNet, path: str | Path) -> None:
    """Writes a SuperNet as YAML that `load_supernet` reads back, atomically.

    Raises:
        InputError: If the path cannot be written, or a size is beyond what is read back.
    """
    where = named("SuperNet file", path)
    document = {
        FORMAT.key: FORMAT.version,
        "name": supernet.name,
        "num_slots": supernet.num_slots,
        "subnets": [
            {
                "name": subnet.name,
                "top1": subnet.top1,
                "image_size": subnet.image_size,
                **({"output_bytes": subnet.output_bytes} if subnet.output_bytes else {}),
                "layers": [
                    {f: getattr(layer, f) for f in ConvLayer.__dataclass_fields__}
                    for layer in subnet.layers
                ],
            }
            for subnet in supernet.subnets
        ],
    }
    validate(_SuperNet, document, where)
    text = yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=160)
    write_atomically(path, text, where)
