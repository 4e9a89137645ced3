"""Plain data from strangers, validated and refused in one line; and text, written whole."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sushi_accel.errors import InputError
from sushi_accel.files.atomic import replacing
from sushi_accel.shown import plain, shown

Model = TypeVar("Model", bound=BaseModel)


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
        first = error.errors(include_url=False)[0]
        location = _plain_location(model, first["loc"])
        key = ".".join(plain(part) for part in location)
        message = ": " + first["msg"].removeprefix("Value error, ")
        if says := _description(model, location):
            message = f", must be {says}"
        value = first["input"]
        if first["type"] == "union_tag_invalid":  # whose own message repeats what was given
            about = first.get("ctx", {})
            key, value = f"{key}.{about['discriminator'][1:-1]}", about["tag"]
            message = f", must be one of {about['expected_tags']}"
        if not key:
            raise InputError(f"{where}{message}") from None
        if first["type"] == "extra_forbidden":
            known = ", ".join(_known_keys(model, first["loc"]))
            raise InputError(f"{where}: unknown key '{key}'; known: {known}") from None
        if first["type"] == "missing":
            raise InputError(f"{where}: key '{key}' is missing") from None
        raise InputError(f"{where}: {key} = {shown(value)}{message}") from None


def _description(model: type[BaseModel], location: list[int | str]) -> str | None:
    """What a field of the model itself must be, if it says so better than pydantic does."""
    if len(location) != 1 or location[0] not in model.model_fields:
        return None
    return model.model_fields[str(location[0])].description


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
