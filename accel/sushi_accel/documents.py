"""YAML documents from strangers: read with a size limit, validated, and refused in one line."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from sushi_accel.atomic import replacing
from sushi_accel.errors import InputError

MAX_FILE_BYTES = 4 * 1024**2

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
        key = ".".join(str(part) for part in first["loc"])
        if not key:
            raise InputError(f"{where}: {message}") from None
        if first["type"] == "extra_forbidden":
            known = ", ".join(_known_keys(model, first["loc"]))
            raise InputError(f"{where}: unknown key {key!r}; known: {known}") from None
        if first["type"] == "missing":
            raise InputError(f"{where}: key {key!r} is missing") from None
        shown = repr(first["input"])
        shown = shown if len(shown) <= 80 else shown[:77] + "..."
        raise InputError(f"{where}: {key} = {shown}: {message}") from None


def _known_keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Keys allowed where the last part of `location` stands."""
    current: type[BaseModel] = model
    for part in location[:-1]:
        if isinstance(part, str) and part in current.model_fields:
            inner = _inner_model(current.model_fields[part].annotation)
            current = inner or current
    return list(current.model_fields)


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    """The first pydantic model inside an annotation such as `tuple[Model, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _inner_model(argument)
        if found is not None:
            return found
    return None
