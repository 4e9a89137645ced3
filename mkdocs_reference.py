"""Hook of MkDocs: references that are made of the code, so that they cannot fall behind it.

`reference/commands.md` is every command with its options, `reference/scenario.md` every key of a
scenario with its range, default and meaning.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic import BaseModel
from typer.models import ArgumentInfo, ParameterInfo

from sushi_bench.commands.app import COMMANDS
from sushi_env.scenario.scenario import Scenario, SloClass
from sushi_env.scenario.traffic import Arrivals


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the references."""
    pages = {"reference/commands.md": commands_page(), "reference/scenario.md": scenario_page()}
    for page, text in pages.items():
        files.append(File.generated(config, page, content=text))
    return files


def commands_page() -> str:
    """Every command of `sushi`, as its own help has it."""
    parts = ["# The command line", "Made of the code; `sushi COMMAND --help` says the same."]
    for path, function in commands(COMMANDS):
        parts += [f"## `sushi {path}`", inspect.getdoc(function) or "", _options(function)]
    return "\n\n".join(part for part in parts if part) + "\n"


def commands(tree: dict[str, Any], before: str = "") -> Iterator[tuple[str, Callable[..., Any]]]:
    """The function of each command below a group, with the words that call it."""
    for name, known in tree.items():
        if isinstance(known, dict):
            yield from commands(known, f"{before}{name} ")
        else:
            module, _, function = known[0].partition(":")
            yield (
                f"{before}{name}",
                getattr(import_module(f"sushi_bench.commands.{module}"), function),
            )


def _options(function: Callable[..., Any]) -> str:
    hints, rows = get_type_hints(function, include_extras=True), []
    for name, parameter in inspect.signature(function).parameters.items():
        kind, *extras = get_args(hints[name])
        info = next(extra for extra in extras if isinstance(extra, ParameterInfo))
        default, required = parameter.default, parameter.default is parameter.empty
        flag = kind is bool
        if isinstance(info, ArgumentInfo):
            names = f"`{info.metavar or name.upper()}`"
        else:
            # Typer holds the first of them as a default until it sees that it is a name.
            given = (info.default, *(info.param_decls or ()))
            declared = [one for one in given if isinstance(one, str) and one.startswith("-")]
            names = ", ".join(f"`{one}`" for one in declared or [f"--{name.replace('_', '-')}"])
        unset = default is None or default is False
        shown = "required" if required else "" if unset else f"`{default}`"
        rows.append((names, "" if flag else _value(kind, info), shown, info.help or ""))
    return _table(("option", "value", "default", "meaning"), rows)


def _value(kind: Any, info: ParameterInfo) -> str:
    """What an option takes, and whether it may be repeated."""
    inner = [one for one in get_args(kind) if one is not type(None)] or [kind]
    repeated = any(get_origin(one) is list for one in (kind, *inner))
    plain = get_args(inner[0])[0] if get_origin(inner[0]) is list else inner[0]
    said = {int: "whole number", float: "number", str: "text", Path: "path"}.get(plain, "text")
    if info.min is not None or info.max is not None:
        low, high = ("" if end is None else f"{end:.12g}" for end in (info.min, info.max))
        said += f" {low}..{high}"
    return f"{said}, may be repeated" if repeated else said


def scenario_page() -> str:
    """Every key of a scenario file."""
    parts = [
        "# Keys of a scenario",
        "Made of the code. A scenario file is YAML with these keys; those without a default must "
        "be given. An unknown key, or a value out of its range, is refused in one line.",
        _keys(Scenario),
        "## An SLO class: `classes`",
        _keys(SloClass),
    ]
    for arrivals in kinds_of_arrivals():
        kind = arrivals.model_fields["kind"].default
        parts += [f"## Arrivals of kind `{kind}`", _first_paragraph(arrivals), _keys(arrivals)]
    return "\n\n".join(parts) + "\n"


def kinds_of_arrivals() -> list[type[BaseModel]]:
    """The models of the arrival processes."""
    return list(get_args(get_args(Arrivals)[0]))


def _keys(model: type[BaseModel]) -> str:
    schema = model.model_json_schema()
    said = _attributes(model)
    rows = []
    for key, about in schema["properties"].items():
        default = "" if key in schema.get("required", ()) else _default(about)
        rows.append((f"`{key}`", _allowed(about), default, said.get(key, "")))
    return _table(("key", "value", "default", "meaning"), rows)


def _default(about: dict[str, Any]) -> str:
    value = about.get("default")
    return "none" if value is None else f"`{value}`"


def _allowed(about: dict[str, Any]) -> str:
    """What a value may be, of its part of the JSON schema."""
    if "anyOf" in about:
        return " or ".join(_allowed(one) for one in about["anyOf"] if one.get("type") != "null")
    if "const" in about:
        return f"`{about['const']}`"
    if "enum" in about:
        return ", ".join(f"`{value}`" for value in about["enum"])
    if about.get("type") == "array":
        return f"list of {_allowed(about.get('items', {}))}".removesuffix(" of ")
    kind = {"integer": "whole number", "string": "text", "object": "mapping"}
    said = kind.get(about.get("type", ""), about.get("type", "mapping"))
    low, high = about.get("minimum"), about.get("maximum")
    above, below = about.get("exclusiveMinimum"), about.get("exclusiveMaximum")
    if low is not None or high is not None:
        said += f" {'' if low is None else f'{low:.12g}'}..{'' if high is None else f'{high:.12g}'}"
    said += "" if above is None else f" above {above:g}"
    return said + ("" if below is None else f" below {below:g}")


def _attributes(model: type[BaseModel]) -> dict[str, str]:
    """What the docstrings of a model and its bases say of its attributes."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        _, _, listed = (inspect.cleandoc(base.__doc__ or "")).partition("Attributes:\n")
        section = re.split(r"\n\S", listed, maxsplit=1)[0]
        for name, text in re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE):
            found[name] = " ".join(text.split())
    return found


def _first_paragraph(model: type[BaseModel]) -> str:
    return " ".join(inspect.cleandoc(model.__doc__ or "").split("\n\n")[0].split())


def _table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "\n".join(
        "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in line) + " |"
        for line in lines
    )
