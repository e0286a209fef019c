"""Definitions of what a backend can run, as data: one YAML file each, found by its name or its path.

All problems of a file are reported at once, as ``file:line:column: problem; how to fix``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netpol_harness.errors import ClusterFailed
from netpol_harness.paths.diagnostics import Problem, suggest
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.scenario.shape import Report, Shape


@dataclass(frozen=True, slots=True)
class DefinitionForm:
    """What the files of one kind look like: ``what`` they define, for people, and the ``option`` that names one.

    ``required`` are the keys that only a definition with ``extends`` may leave out.
    """

    what: str
    option: str
    shape: Shape
    required: tuple[str, ...]

    def find(self, name: str, directory: Path) -> Path:
        """Return the file of this name in ``directory``, or ``name`` if it is a path. Raises ``ClusterFailed``."""
        path = Path(name)
        if len(path.parts) > 1 or path.suffix:
            return path
        path = directory / f"{name}.yaml"
        if not path.is_file():
            hint = suggest(name, [file.stem for file in directory.glob("*.yaml")])
            raise ClusterFailed(f"{self.option} {name}: there is no such {self.what}; {hint} (or a path)")
        return path

    def the_one(self, documents: Sequence[YamlNode], problems: Sequence[Problem], path: Path) -> YamlNode:
        """Return the only document of the file ``path``. Raises ``ClusterFailed`` with all problems."""
        report = Report()
        report.extend(problems)
        for document in documents:
            self.shape(document, report)
            self._complete(document, report)
        if len(documents) != 1 and not problems:
            words = f"the file holds {len(documents)} documents; write exactly one {self.what}"
            raise ClusterFailed(f"{display(path)}:1: {words}")
        if report.problems:
            raise ClusterFailed("\n".join(str(problem) for problem in sorted(set(report.problems))))
        return documents[0]

    def _complete(self, node: YamlNode, report: Report) -> None:
        for name in self.required:
            if node.kind is YamlKind.MAPPING and node.get("extends") is None and node.get(name) is None:
                remedy = f"add '{name}:' here, or 'extends:' with another {self.what}"
                report.add(node.place, f"'{name}' is missing", remedy)


def display(path: Path) -> str:
    """Return a path as people read it: relative to the working directory if it is below that."""
    full = path.absolute()
    return str(full.relative_to(Path.cwd()) if full.is_relative_to(Path.cwd()) else path)
