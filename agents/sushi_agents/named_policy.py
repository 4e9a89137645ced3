"""What a policy's name stands for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sushi_agents.policy import Policy
from sushi_env import Problem

HEURISTIC, LEARNED, BOUND, OTHER = "heuristic", "learned", "bound", "other"


@dataclass(frozen=True)
class NamedPolicy:
    """What a name stands for; to have it loads no code of a stranger's policy.

    Attributes:
        name: The name.
        kind: `heuristic`, `learned`, `bound`, or `other`.
        build: Makes the policy for a scenario; the flag is `trust`, see `make_policy`.
        source: Where its code or its weights come from; empty where only its author can say.
        ours: Whether it comes with this package.
        where: For which scenarios it exists, in words.
        exists: Whether it exists for a scenario.
        describe: Says in a sentence what it does; see `description`.
        find_files: See `files`.
    """

    name: str
    kind: str
    build: Callable[[Problem, bool], Policy]
    source: str = ""
    ours: bool = False
    where: str = "every scenario"
    exists: Callable[[Problem], bool] = lambda problem: True
    describe: Callable[[], str] = str
    find_files: Callable[[], list[Path]] = list

    @property
    def description(self) -> str:
        """What it does, in a sentence; empty where only its author can say."""
        return self.describe()

    @property
    def files(self) -> list[Path]:
        """The files that it is made of, as far as the name tells."""
        return self.find_files()


@dataclass(frozen=True)
class KindOfName:
    """One kind of name.

    Attributes:
        find: What a name stands for; None if it is not of this kind.
        names: The names of this kind that a scenario has, or that there are for any scenario.
    """

    find: Callable[[str], NamedPolicy | None]
    names: Callable[[Problem | None], list[str]] = lambda problem: []
