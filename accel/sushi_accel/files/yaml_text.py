"""YAML from strangers, as plain data.

A document of some hundred bytes can stand for more nodes than there is memory, by anchors
within anchors or by merge keys. So nodes are counted as if every alias were written out.
"""

from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.nodes import MappingNode, Node, ScalarNode

from sushi_accel.errors import InputError
from sushi_accel.files.reading import as_text, read_bytes
from sushi_accel.shown import shown

MAX_FILE_BYTES = 4 * 1024**2
MAX_NODES = 150_000
MAX_ALIASED_NODES = 10_000
MAX_DEPTH = 64
MAX_NUMBER_CHARACTERS = 500
"""Reading a number in base 60, which YAML allows, takes time that grows with its square."""

_PLAIN_TAGS = tuple(
    f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map")
)
_TEXT, _TIMESTAMP = "tag:yaml.org,2002:str", "tag:yaml.org,2002:timestamp"

# The parser written in C where it is there, as it is ten times as fast; but nodes are composed
# in Python, where they can be counted.
_Base: Any = yaml.SafeLoader
if yaml.__with_libyaml__:
    _Base = type("_Base", (Composer, yaml.CSafeLoader), {})


class _Refused(yaml.YAMLError):
    """What is valid YAML, but not for us."""

    def __init__(self, says: str, node: Node | yaml.Event):
        super().__init__(says)
        self.says, self.problem_mark = says, node.start_mark


class _Loader(_Base):
    """Plain data, counted."""

    def __init__(self, text: str):
        getattr(yaml, "CSafeLoader", yaml.SafeLoader).__init__(self, text)
        Composer.__init__(self)
        self._depth, self._nodes, self._aliased = 0, 0, 0
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: Node | None, index: Any) -> Node:
        """Composes a node, unless there are too many, too deep, or too often referred to."""
        event = self.peek_event()
        self._depth += 1
        before = self._nodes + self._aliased
        if self._depth > MAX_DEPTH:
            raise _Refused(f"nested deeper than {MAX_DEPTH} levels", event)
        node = super().compose_node(parent, index)
        if isinstance(event, yaml.AliasEvent):
            if id(node) not in self._sizes:
                raise _Refused("an anchor that contains itself", event)
            self._aliased += self._sizes[id(node)]
            if self._aliased > MAX_ALIASED_NODES:
                raise _Refused(f"aliases of more than {MAX_ALIASED_NODES} nodes", event)
        else:
            self._nodes += 1
            if self._nodes > MAX_NODES:
                raise _Refused(f"more than {MAX_NODES} nodes", event)
            self._sizes[id(node)] = self._nodes + self._aliased - before
        self._depth -= 1
        return node

    def compose_mapping_node(self, anchor: Any) -> MappingNode:
        """Composes a mapping, unless a key stands in it twice."""
        mapping = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in mapping.value:
            if isinstance(key, ScalarNode):
                if (key.tag, key.value) in seen:
                    raise _Refused(f"key {shown(key.value)} stands there twice", key)
                seen.add((key.tag, key.value))
        return mapping

    def construct_object(self, node: Node, deep: bool = False) -> Any:
        """Constructs plain data; dates are text, as in JSON."""
        if node.tag == _TIMESTAMP and isinstance(node, ScalarNode):
            node.tag = _TEXT
        if node.tag not in _PLAIN_TAGS:
            raise _Refused(f"tag {shown(node.tag)}, must be plain data", node)
        number = isinstance(node, ScalarNode) and node.tag != _TEXT
        if number and len(node.value) > MAX_NUMBER_CHARACTERS:
            raise _Refused(f"a number of {len(node.value)} characters", node)
        return super().construct_object(node, deep)


def parse_yaml(raw: str | bytes, where: str) -> Any:
    """Plain data from YAML text; nothing in it is executed.

    Args:
        raw: The text.
        where: What it is, for messages.

    Returns:
        None, numbers, texts, and lists and mappings of them.

    Raises:
        InputError: If it is no YAML, nested too deeply, of too many nodes, or names a key twice.
    """
    text = as_text(raw, where) if isinstance(raw, bytes) else raw
    try:
        loader = _Loader(text)
        return loader.get_single_data()
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError) as error:
        # The last four: a tag's constructor given what it does not expect, as in `!!int ""`.
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        parts = [] if line is None else [f"line {line + 1}"]
        parts += [error.says] if isinstance(error, _Refused) else []
        at = f" ({': '.join(parts)})" if parts else ""
        raise InputError(f"{where}: not valid YAML{at}") from None


def read_yaml(path: str | Path, where: str, max_bytes: int = MAX_FILE_BYTES) -> Any:
    """Reads a YAML file.

    Args:
        path: The file.
        where: What it is, for messages.
        max_bytes: Size above which it is refused unread.

    Returns:
        Plain data.

    Raises:
        InputError: If the file cannot be read, is too large, or as `parse_yaml`.
    """
    return parse_yaml(read_bytes(path, where, max_bytes), where)
