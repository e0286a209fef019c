"""Why a path changes: a sentence, with the policies and rules that it names as data. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netpol_harness.analysis.describe import natural_list
from netpol_harness.paths.diagnostics import Place

_MOST_NAMES = 2


@dataclass(frozen=True, slots=True)
class Named:
    """A policy or a rule, in words that contain its place.

    ``place`` is where its manifest has it, ``None`` if it has no manifest. ``is_past``: it decided before the change,
    so the place is one of the files of that time.
    """

    text: str
    place: Place | None = None
    is_past: bool = False

    @property
    def without_place(self) -> str:
        """The words without the place, which moves when other lines do."""
        return self.text.replace(f" ({self.place.where})", "") if self.place else self.text


@dataclass(frozen=True, slots=True)
class Names:
    """Policies or rules in a sentence, and the verb behind them: ``one`` if it is one, ``several`` otherwise."""

    names: tuple[Named, ...]
    one: str = ""
    several: str = ""

    def __str__(self) -> str:
        return self.told(_MOST_NAMES + len(self.names))

    def told(self, most: int) -> str:
        """Return the first names, the number of the others, and the verb."""
        rest = len(self.names) - most
        shown = [name.text for name in self.names[:most]] + ([f"{rest} more"] if rest > 0 else [])
        return f"{natural_list(shown)}{self.one if len(self.names) == 1 else self.several}"


@dataclass(frozen=True, slots=True)
class Reason:
    """A sentence in pieces. Reasons of equal ``form`` differ only by the policies and rules that they name."""

    pieces: tuple[str | Names, ...]

    @classmethod
    def of(cls, *pieces: "str | Names | Reason") -> "Reason":
        """Return the reason of these pieces, one after the other."""
        return cls(
            tuple(part for piece in pieces for part in (piece.pieces if isinstance(piece, Reason) else (piece,)))
        )

    def __str__(self) -> str:
        return "".join(map(str, self.pieces))

    @property
    def form(self) -> tuple[str, ...]:
        """The words without the names."""
        return tuple(piece if isinstance(piece, str) else piece.one for piece in self.pieces)

    @property
    def names(self) -> Iterator[Named]:
        """The policies and rules that it names."""
        return (name for piece in self.pieces if isinstance(piece, Names) for name in piece.names)

    @property
    def without_places(self) -> str:
        """The sentence without places."""
        return "".join(
            piece if isinstance(piece, str) else natural_list([name.without_place for name in piece.names])
            for piece in self.pieces
        )


def summary(reasons: Sequence[Reason]) -> str:
    """Return one sentence for reasons of equal form: what most of them name comes first, and the rest is counted."""
    if len(set(reasons)) == 1:
        return str(reasons[0])
    return "".join(map(_united, zip(*(reason.pieces for reason in reasons), strict=True)))


def _united(pieces: tuple[str | Names, ...]) -> str:
    several = [piece for piece in pieces if isinstance(piece, Names)]
    if not several:
        return str(pieces[0])
    counted = Counter(name for piece in several for name in piece.names)
    names = tuple(name for name, _ in counted.most_common())
    return Names(names, several[0].one, several[0].several).told(_MOST_NAMES)
