"""A note about a scenario's files, which is no error. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """A sentence about a place of the files (``file:line``). ``namespaces`` are those that it concerns."""

    where: str
    text: str
    namespaces: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"
