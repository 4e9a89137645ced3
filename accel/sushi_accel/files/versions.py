"""Formats that grow: a reader takes its own version and all older ones that were released."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sushi_accel.errors import InputError
from sushi_accel.shown import shown
from sushi_accel.version import __version__

Contents = dict[str, Any]


@dataclass(frozen=True)
class Format:
    """A file format and how its older versions become its present one.

    Attributes:
        key: Where a file states its version.
        version: The present version.
        prefix: What a file writes before the number; the version is a text if there is one.
        upgrades: For each older released version, what turns its contents into the next one's.
        unstated: The version of a file that states none; None: it must state one.
    """

    key: str
    version: int
    prefix: str = ""
    upgrades: Mapping[int, Callable[[Contents], Contents]] = field(default_factory=dict)
    unstated: int | None = None

    @property
    def stated(self) -> int | str:
        """The present version, as a file states it."""
        return f"{self.prefix}{self.version}" if self.prefix else self.version

    def upgraded(self, contents: Any, where: str) -> Any:
        """Contents of the present version, from those of any that is known.

        Args:
            contents: What a file holds. What is no mapping, or lacks the key, is returned as it
                is, for the format's own validation to refuse.
            where: What the file is, for messages.

        Raises:
            InputError: If the version is none that this release reads.
        """
        if not isinstance(contents, dict):
            return contents
        if self.key not in contents:
            if self.unstated is None:
                return contents
            contents = {self.key: self._text(self.unstated)} | contents
        number = self._number(contents[self.key])
        if number is None or (number < self.version and number not in self.upgrades):
            known = ", ".join(shown(self._text(n)) for n in [*sorted(self.upgrades), self.version])
            raise InputError(f"{where}: {self.key} = {shown(contents[self.key])}, known: {known}")
        if number > self.version:
            raise InputError(
                f"{where}: {self.key} = {shown(contents[self.key])}: written for a later release; "
                f"sushi-env {__version__} reads up to {shown(self.stated)}"
            )
        while number < self.version:
            contents = self.upgrades[number](contents) | {self.key: self._text(number + 1)}
            number += 1
        return contents

    def _text(self, number: int) -> int | str:
        return f"{self.prefix}{number}" if self.prefix else number

    def _number(self, stated: Any) -> int | None:
        if self.prefix:
            number = str(stated).removeprefix(self.prefix) if isinstance(stated, str) else ""
            fits = stated == f"{self.prefix}{number}" and number.isascii() and number.isdecimal()
            return int(number) if fits and len(number) < 10 else None
        return stated if type(stated) is int and stated > 0 else None
