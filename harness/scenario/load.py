"""The directory of a scenario becomes a ``Scenario``, or a ``ScenarioInvalid`` that holds everything that is wrong."""

from collections.abc import Iterable
from os.path import normpath
from pathlib import Path

from harness.errors import ScenarioInvalid
from harness.matrix.problem import Place, Problem
from harness.scenario.inventory import inventory
from harness.scenario.manifests import Library, Located, in_known_namespaces, no_policies, no_twins
from harness.scenario.node import Kind, Node
from harness.scenario.scenario import Scenario
from harness.scenario.schema import SCENARIO
from harness.scenario.shape import Report
from harness.scenario.source import read
from harness.scenario.steps import Ground, step

_LINE_LIMIT = 500


def load(file: Path) -> Scenario:
    """Read a scenario.yaml and all manifests that it names.

    Raises ScenarioInvalid with one line a problem, ``path:line:column: what; how to fix``, sorted; the path is relative
    to the working directory where it lies below it.
    """
    report = Report()
    documents, problems = read(file, file.name)
    report.extend(problems)
    if len(documents) == 1:
        scenario = _scenario(documents[0], file, report)
    elif not problems:
        report.add(_second(documents, file), f"the file holds {len(documents)} documents", "write exactly one scenario")
    if report.problems:
        raise ScenarioInvalid(_lines(report.problems, file.parent))
    return scenario


def _scenario(node: Node, file: Path, report: Report) -> Scenario:
    SCENARIO(node, report)
    ground = _ground(node, file, report)
    return Scenario(
        name=file.absolute().parent.name,
        title=node.at("title").text,
        file=file,
        workloads=tuple(located.manifest for located in ground.workloads),
        steps=tuple(step(item, ground, report) for item in node.at("steps").items if item.kind is Kind.MAPPING),
        inventory=ground.inventory,
        description=node.at("description").text,
        exclusive=ground.exclusive.value is True,
        requires=tuple(item.text for item in node.at("requires").items),
        timeouts={key.text: float(value.value or 0) for key, value in _numbers(node.at("timeouts"))},
    )


def _ground(node: Node, file: Path, report: Report) -> Ground:
    library = Library(file.parent, report)
    before = len(report.problems)
    workloads = library.all(node.at("workloads").items)
    reliable = len(report.problems) == before and node.at("workloads").kind is Kind.LIST
    exclusive = node.at("exclusive")
    namespaces = _namespaces(workloads)
    no_policies(workloads, report)
    no_twins(workloads, report)
    in_known_namespaces(workloads, namespaces, exclusive, report)
    found = inventory(workloads, node.at("external"), report)
    return Ground(library, workloads, found, namespaces, exclusive, reliable)


def _namespaces(workloads: Iterable[Located]) -> frozenset[str]:
    names = (located.manifest.name for located in workloads)
    return frozenset({"default", *(name.ref.name for name in names if name.kind == "Namespace")})


def _numbers(node: Node) -> list[tuple[Node, Node]]:
    return [(key, value) for key, value in node.entries if value.kind is Kind.NUMBER]


def _second(documents: tuple[Node, ...], file: Path) -> Place:
    return documents[1].place if len(documents) > 1 else Place(file.name, 1)


def _lines(problems: Iterable[Problem], directory: Path) -> list[str]:
    lines = []
    for problem in sorted(set(problems)):
        place = problem.place
        path = _shown(directory / place.file)
        line = f"{path}:{place.line}:{place.column}: {problem.what}; {problem.remedy}"
        lines.append(line if len(line) <= _LINE_LIMIT else f"{line[: _LINE_LIMIT - 3]}...")
    return lines


def _shown(file: Path) -> str:
    path = Path(normpath(file.absolute()))
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
