"""Load a scenario's directory as a ``Scenario``, or raise a ``ScenarioInvalid`` with all problems."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from os.path import normpath
from pathlib import Path

from netpol_harness.errors import ScenarioInvalid
from netpol_harness.escape import one_line
from netpol_harness.model.cluster_services import cluster_services
from netpol_harness.model.name_server import NameServer
from netpol_harness.paths.diagnostics import Place, Problem
from netpol_harness.scenario.api_objects import LocatedManifest
from netpol_harness.scenario.domain_names import domain_records
from netpol_harness.scenario.files import Files
from netpol_harness.scenario.inventory import inventory
from netpol_harness.scenario.manifests import ManifestReader, check_namespaces, check_unique
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.scenario.overlay import NOTHING, Overlay
from netpol_harness.scenario.scenario import SYSTEM_NAMESPACES, Scenario
from netpol_harness.scenario.schema import SCENARIO
from netpol_harness.scenario.shape import Report
from netpol_harness.scenario.source import read
from netpol_harness.scenario.steps import StepInputs, steps
from netpol_harness.scenario.stranger_inputs import with_strangers

_LINE_LIMIT = 500


def load(file: Path, overlay: Overlay = NOTHING) -> Scenario:
    """Read a scenario.yaml and all manifests that it names; ``overlay`` is applied over them in every step.

    Raises ``ScenarioInvalid`` with one line per problem, ``path:line:column: what; how to fix``, sorted. The path is
    relative to the working directory if it is below it.
    """
    report = Report()
    if not Files(file.parent, report).may_read(file, Place(file.name, 1)):
        raise ScenarioInvalid(_lines(report.problems, file.parent))
    documents, problems = read(file, file.name)
    report.extend(problems)
    if len(documents) == 1:
        scenario = scenario_of(documents[0], file, ManifestReader(file.parent, report, overlay=overlay), report)
        return whole_or_invalid(scenario, report, file.parent)
    if not problems:
        report.add(_second(documents, file), f"the file has {len(documents)} documents", "write exactly one scenario")
    raise ScenarioInvalid(_lines(report.problems, file.parent))


def whole_or_invalid(scenario: Scenario, report: Report, directory: Path) -> Scenario:
    """Return the scenario; raise ``ScenarioInvalid`` with the problems of the report if it has some."""
    raise_problems(report, directory)
    return scenario


def raise_problems(report: Report, directory: Path) -> None:
    """Raise ``ScenarioInvalid`` with the problems of a report if it has some."""
    if report.problems:
        raise ScenarioInvalid(_lines(report.problems, directory))


def scenario_of(
    node: YamlNode, file: Path, manifests: ManifestReader, report: Report, *, derived: str = ""
) -> Scenario:
    """Return the scenario of the content of a scenario.yaml, and report all problems.

    ``derived`` is the name of a scenario that nobody has written: its manifests need not declare their namespaces.
    """
    SCENARIO(node, report)
    assumed = _assumed_namespaces(node, manifests) if derived else frozenset()
    context = with_strangers(node.at("steps").items, _context(node, manifests, assumed, report))
    scenario = Scenario(
        name=derived or file.absolute().parent.name,
        title=node.at("title").text,
        file=file,
        workloads=tuple(located.manifest for located in context.workloads),
        steps=steps(node.at("steps").items, context, report),
        inventory=context.inventory,
        description=node.at("description").text,
        exclusive=context.exclusive.value is True,
        requires=(*(item.text for item in node.at("requires").items), *_implied(context.workloads)),
        name_server=context.name_server,
        timeouts={key.text: float(value.value or 0) for key, value in _numbers(node.at("timeouts"))},
        marks={item.text: item.place.where for item in node.at("marks").items},
        assumed_namespaces=assumed,
        derived=bool(derived),
        not_manifests=tuple(manifests.not_manifests),
    )
    if not derived:
        manifests.check_lists()
    return scenario


def _name_server(node: YamlNode) -> NameServer:
    """Return the name server that an author expects; what he does not say is that of most clusters."""
    keys = ("namespace", "service", "labels", "port", "address")
    written = {key: node.at(key) for key in keys}
    return NameServer.from_json({key: n.plain() for key, n in written.items() if n.kind is not YamlKind.NOTHING})


def _context(node: YamlNode, manifests: ManifestReader, assumed: frozenset[str], report: Report) -> StepInputs:
    before = len(report.problems)
    workloads = manifests.workloads(node.at("workloads").items)
    reliable = len(report.problems) == before and node.at("workloads").kind is YamlKind.LIST
    exclusive = node.at("exclusive")
    namespaces = _namespaces(workloads) | assumed
    check_unique(workloads, report)
    check_namespaces(workloads, namespaces, exclusive, report)
    known = inventory(workloads, node.at("external"), report)
    names = replace(
        known,
        cluster_services=cluster_services(_name_server(node.at("dns"))),
        domain_records=domain_records(node.at("names"), known.externals, {}, report),
    )
    server = _name_server(node.at("dns"))
    return StepInputs(manifests, workloads, names, namespaces, exclusive, reliable, server)


def _implied(workloads: Iterable[LocatedManifest]) -> Iterator[str]:
    """Yield the names of capabilities that manifests need, without being listed under ``requires``."""
    if any(located.manifest.chosen_addresses for located in workloads):
        yield "pod addresses of one's choice"


def _assumed_namespaces(node: YamlNode, manifests: ManifestReader) -> frozenset[str]:
    """Return the namespaces that manifests name and none declares, other than those that every cluster has."""
    workloads = manifests.workloads(node.at("workloads").items)
    policies = [manifests.policies(step.at("policies").items) for step in node.at("steps").items]
    named = {located.manifest.name.ref.namespace for objects in (workloads, *policies) for located in objects}
    return frozenset(named - _namespaces(workloads) - SYSTEM_NAMESPACES - {""})


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
