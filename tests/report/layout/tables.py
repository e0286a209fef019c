"""Random grids, and a reader of drawn ones that knows nothing of how they are laid out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from random import Random

from hypothesis import strategies as st

from netpol_harness.report.layout import Grid, Name

MARKS = (".", "X", "N", "?", "!", ".≠X", "X?", "~.")
_MARK = "|".join(map(re.escape, sorted(MARKS, key=len, reverse=True)))
_ROW = re.compile(rf"^ *(\S.*?)(?: +(?:{_MARK}))*$")
_TITLES = ("Folded together", "In full")


def grids(longest: int = 30) -> st.SearchStrategy[Grid]:
    """Grids of few marks, so that rows and columns are often equal; some workloads are among the targets."""
    return st.builds(_grid, st.integers(1, 9), st.integers(0, 30), st.integers(5, longest), st.randoms())


def _grid(rows: int, columns: int, longest: int, random: Random) -> Grid:
    names = [f"{number}{'abc'[number % 3] * random.randint(2, longest - 3)}z" for number in range(rows + columns)]
    targets = random.sample(names, columns)
    own = frozenset((name, f"{name}:80") for name in names[:rows])
    kinds = [random.sample(MARKS, 3) for _ in range(random.randint(1, 3))]
    of_row, of_column = ({name: random.randrange(3) for name in names} for _ in range(2))
    marks = {
        (source, f"{target}:80"): kinds[of_row[source] % len(kinds)][of_column[target]]
        for source in names[:rows]
        for target in targets
        if source != target
    }
    groups = random.choice([("",), ("shop", "kube-system")])
    several = (
        sorted((Name(text, random.choice(groups)) for text in texts), key=lambda name: name.group)
        for texts in (names[:rows], [f"{target}:80" for target in targets])
    )
    return Grid.of(next(several), next(several), marks, own & {*product(names, [f"{t}:80" for t in targets])})


@dataclass(frozen=True)
class Part:
    """A drawn table: the position and the text of each head, and its rows."""

    heads: list[tuple[float, str]]
    rows: list[str]

    def cells(self) -> Iterator[tuple[str, str, str]]:
        """Label of the row, head above, mark."""
        for line in self.rows:
            found = _ROW.match(line)
            assert found, line
            for mark in re.finditer(rf"(?<= )(?:{_MARK})(?= |$)", line[found.end(1) :]):
                middle = found.end(1) + (mark.start() + mark.end() - 1) / 2
                yield found[1], min(self.heads, key=lambda head: abs(head[0] - middle))[1], mark[0]


def read(text: str) -> dict[tuple[str, str], str]:
    """Return the cells that a reader finds in a drawn table, with the key at its end applied."""
    blocks = text.split("\n\n")
    key = _key(blocks.pop()) if blocks[-1].startswith(_TITLES) else {}
    return {
        (row, column): mark
        for block in blocks
        for label, head, mark in _part(block.splitlines()).cells()
        for row in key.get(label, [label])
        for column in key.get(head, [head])
    }


def _part(lines: list[str]) -> Part:
    rule = next(index for index, line in enumerate(lines) if line.startswith("─"))
    stairs = [(line.index("┌"), line[line.index("┌") + 2 :]) for line in lines[:rule] if "┌" in line]
    return Part([*map(_as_head, stairs)] or [*_side_by_side(lines[rule - 1])], lines[rule + 1 :])


def _as_head(stair: tuple[int, str]) -> tuple[float, str]:
    return float(stair[0]), stair[1]


def _side_by_side(line: str) -> Iterator[tuple[float, str]]:
    for head in re.finditer(r"\S+(?: \+\d+)?", line.replace("from \\ to", " " * 9)):
        yield (head.start() + head.end() - 1) / 2, head[0]


def _key(block: str) -> dict[str, list[str]]:
    """Return the names behind each label. A wrapped line is indented further than the line that it continues."""
    entries = re.sub(r"\n {6}", " ", block).splitlines()
    pairs = (entry.strip().split(" = ") for entry in entries if " = " in entry)
    return {label: [name.rpartition(": ")[2] for name in re.split("[,;] ", names)] for label, names in pairs}
