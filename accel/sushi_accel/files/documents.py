"""YAML documents from strangers: read with a size limit, validated, and refused in one line."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from sushi_accel.errors import InputError
from sushi_accel.files.atomic import replacing

MAX_FILE_BYTES = 4 * 1024**2
LONGEST_SHOWN = 80

Model = TypeVar("Model", bound=BaseModel)


def read_yaml(path: str | Path, where: str, max_bytes: int = MAX_FILE_BYTES) -> Any:
    """Reads a YAML file; tags that would construct objects are refused.

    Args:
        path: The file.
        where: What it is, for messages.
        max_bytes: Size above which it is refused unread.

    Returns:
        Plain data.

    Raises:
        InputError: If the file is missing, too large, or not YAML.
    """
    try:
        with Path(path).open("rb") as file:
            raw = file.read(max_bytes + 1)
    except OSError as error:
        raise InputError(f"{where}: cannot be read ({error.strerror})") from None
    if len(raw) > max_bytes:
        raise InputError(f"{where}: larger than {max_bytes} bytes")
    try:
        return yaml.safe_load(raw)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        at = "" if line is None else f" (line {line + 1})"
        raise InputError(f"{where}: not valid YAML{at}") from None


def write_atomically(path: str | Path, text: str, where: str) -> None:
    """Writes a text file, so that nobody reads half of it.

    Raises:
        InputError: If it cannot be written.
    """
    with replacing(path, where) as part:
        part.write_text(text)


def validate(model: type[Model], contents: Any, where: str) -> Model:
    """Validates plain data against a pydantic model.

    Args:
        model: The model.
        contents: A mapping of its fields.
        where: What the data came from, for messages.

    Returns:
        The validated object.

    Raises:
        InputError: One line that names the key, the value, and what is allowed.
    """
    if not isinstance(contents, dict):
        raise InputError(f"{where}: must be a mapping of keys, is {type(contents).__name__}")
    try:
        return model.model_validate(contents)
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        location = _plain_location(model, first["loc"])
        key = ".".join(_plain(str(part)) for part in location)
        if not key:
            raise InputError(f"{where}: {message}") from None
        if first["type"] == "extra_forbidden":
            known = ", ".join(_known_keys(model, first["loc"]))
            raise InputError(f"{where}: unknown key {key!r}; known: {known}") from None
        if first["type"] == "missing":
            raise InputError(f"{where}: key {key!r} is missing") from None
        raise InputError(f"{where}: {key} = {shown(first['input'])}: {message}") from None


def shown(value: object) -> str:
    """A stranger's value as messages show it: escaped, and not longer than a line."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."


def _plain(key: str) -> str:
    """A stranger's key likewise, without quotes where it needs none."""
    return key if key.isprintable() and len(key) <= LONGEST_SHOWN else shown(key)


def _walk(
    model: type[BaseModel], location: tuple[int | str, ...]
) -> Iterator[tuple[int | str, bool, type[BaseModel]]]:
    """Each part of a location, whether it is a union's tag, and the model it leads into."""
    current, choices = model, [model]
    for part in location:
        tagged = [m for m in choices if len(choices) > 1 and _tag(m) == part]
        if tagged:
            current, choices = tagged[0], tagged
        elif isinstance(part, str) and part in current.model_fields:
            choices = list(_inner_models(current.model_fields[part].annotation))
            current = choices[0] if choices else current
        yield part, bool(tagged), current


def _plain_location(model: type[BaseModel], location: tuple[int | str, ...]) -> list[int | str]:
    """A location without the tags that pydantic inserts for members of a union."""
    return [part for part, is_tag, _ in _walk(model, location) if not is_tag]


def _known_keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Keys allowed where the last part of `location` stands."""
    inner = [model, *(current for _, _, current in _walk(model, location[:-1]))]
    return [field.alias or name for name, field in inner[-1].model_fields.items()]


def _tag(model: type[BaseModel]) -> object:
    """The value of a model's `kind`, by which a union tells its members apart."""
    return model.model_fields["kind"].default if "kind" in model.model_fields else None


def _inner_models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The pydantic models inside an annotation such as `tuple[Model, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _inner_models(argument)
