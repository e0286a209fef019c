"""Load a scenario's directory as a ``Scenario``, or raise a ``ScenarioInvalid`` with all problems."""

from collections.abc import Iterable, Iterator
from os.path import normpath
from pathlib import Path

from netpol_harness.errors import ScenarioInvalid
from netpol_harness.escape import one_line
from netpol_harness.model.name_server import NameServer
from netpol_harness.paths.diagnostics import Place, Problem
from netpol_harness.scenario import SCENARIO_FILE
from netpol_harness.scenario.files import Files
from netpol_harness.scenario.inventory import inventory
from netpol_harness.scenario.manifests import LocatedManifest, ManifestReader, check_namespaces, check_unique
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.scenario.scenario import Scenario
from netpol_harness.scenario.schema import SCENARIO
from netpol_harness.scenario.shape import Report
from netpol_harness.scenario.source import read
from netpol_harness.scenario.steps import StepInputs, steps
from netpol_harness.scenario.stranger_inputs import with_strangers

DERIVED = "derived"

_LINE_LIMIT = 500
_NO_MANIFESTS = ("kustomization.yaml", "kustomization.yml")


def load(file: Path) -> Scenario:
    """Read a scenario.yaml and all manifests that it names.

    Raises ``ScenarioInvalid`` with one line per problem, ``path:line:column: what; how to fix``, sorted. The path is
    relative to the working directory if it is below it.
    """
    report = Report()
    if not Files(file.parent, report).may_read(file, Place(file.name, 1)):
        raise ScenarioInvalid(_lines(report.problems, file.parent))
    documents, problems = read(file, file.name)
    report.extend(problems)
    if len(documents) == 1:
        scenario = _scenario(documents[0], file, ManifestReader(file.parent, report), report)
    elif not problems:
        report.add(_second(documents, file), f"the file has {len(documents)} documents", "write exactly one scenario")
    if report.problems:
        raise ScenarioInvalid(_lines(report.problems, file.parent))
    return scenario


def derive(directory: Path) -> Scenario:
    """Return the scenario of a directory without a scenario.yaml: its manifests, and one step with all of its policies.

    The verdicts of that step are derived. Raises ``ScenarioInvalid`` as ``load`` does.
    """
    report = Report()
    files = [str(file.relative_to(directory)) for file in manifests_in(directory)]
    step = {"name": DERIVED, "expect": "oracle", "strangers": True, "policies": files}
    content = {"title": directory.absolute().name or "/", "workloads": files, "exclusive": True, "steps": [step]}
    scenario = _scenario(
        _noded(content), directory / SCENARIO_FILE, ManifestReader(directory, report, mixed=True, globs=False), report
    )
    if report.problems:
        raise ScenarioInvalid(_lines(report.problems, directory))
    return scenario


def manifests_in(directory: Path) -> Iterator[Path]:
    """Yield the manifests below a directory, sorted, without hidden files and folders."""
    for file in sorted(directory.rglob("*.y*ml")):
        hidden = any(part.startswith(".") for part in file.relative_to(directory).parts)
        if file.suffix in (".yaml", ".yml") and not hidden and file.name not in _NO_MANIFESTS and not file.is_dir():
            yield file


def _noded(value: object) -> YamlNode:
    """Return plain data as if it had been read from YAML, which cannot hold all names of files."""
    place = Place("--derive", 1)
    match value:
        case dict():
            return YamlNode(
                place, YamlKind.MAPPING, entries=tuple((_noded(key), _noded(item)) for key, item in value.items())
            )
        case list():
            return YamlNode(place, YamlKind.LIST, items=tuple(map(_noded, value)))
        case bool():
            return YamlNode(place, YamlKind.FLAG, value, str(value).lower())
        case _:
            return YamlNode(place, YamlKind.TEXT, str(value), str(value))


def _scenario(node: YamlNode, file: Path, manifests: ManifestReader, report: Report) -> Scenario:
    SCENARIO(node, report)
    context = with_strangers(node.at("steps").items, _context(node, manifests, report))
    return Scenario(
        name=file.absolute().parent.name,
        title=node.at("title").text,
        file=file,
        workloads=tuple(located.manifest for located in context.workloads),
        steps=steps(node.at("steps").items, context, report),
        inventory=context.inventory,
        description=node.at("description").text,
        exclusive=context.exclusive.value is True,
        requires=(*(item.text for item in node.at("requires").items), *_implied(context.workloads)),
        name_server=_name_server(node.at("dns")),
        timeouts={key.text: float(value.value or 0) for key, value in _numbers(node.at("timeouts"))},
        marks={item.text: item.place.where for item in node.at("marks").items},
    )


def _name_server(node: YamlNode) -> NameServer:
    """Return the name server that an author expects; what he does not say is that of most clusters."""
    keys = ("namespace", "service", "labels", "port", "address")
    written = {key: node.at(key) for key in keys}
    return NameServer.from_json({key: n.plain() for key, n in written.items() if n.kind is not YamlKind.NOTHING})


def _context(node: YamlNode, manifests: ManifestReader, report: Report) -> StepInputs:
    before = len(report.problems)
    workloads = manifests.workloads(node.at("workloads").items)
    reliable = len(report.problems) == before and node.at("workloads").kind is YamlKind.LIST
    exclusive = node.at("exclusive")
    namespaces = _namespaces(workloads)
    check_unique(workloads, report)
    check_namespaces(workloads, namespaces, exclusive, report)
    names = inventory(workloads, node.at("external"), report)
    return StepInputs(manifests, workloads, names, namespaces, exclusive, reliable)


def _implied(workloads: Iterable[LocatedManifest]) -> Iterator[str]:
    """Yield the names of capabilities that manifests need, without being listed under ``requires``."""
    if any(located.manifest.chosen_addresses for located in workloads):
        yield "pod addresses of one's choice"


def _namespaces(workloads: Iterable[LocatedManifest]) -> frozenset[str]:
    names = (located.manifest.name for located in workloads)
    return frozenset({"default", *(name.ref.name for name in names if name.kind == "Namespace")})


def _numbers(node: YamlNode) -> list[tuple[YamlNode, YamlNode]]:
    return [(key, value) for key, value in node.entries if value.kind is YamlKind.NUMBER]


def _second(documents: tuple[YamlNode, ...], file: Path) -> Place:
    return documents[1].place if len(documents) > 1 else Place(file.name, 1)


def _lines(problems: Iterable[Problem], directory: Path) -> list[str]:
    lines = []
    for problem in sorted(set(problems)):
        place = problem.place
        path = _shown(directory / place.file)
        line = one_line(f"{path}:{place.line}:{place.column}: {problem.what}; {problem.remedy}")
        lines.append(line if len(line) <= _LINE_LIMIT else f"{line[: _LINE_LIMIT - 3]}...")
    return lines


def _shown(file: Path) -> str:
    path = Path(normpath(file.absolute()))
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
