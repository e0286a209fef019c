"""Resolves the lines of a step to its expectations.

Invariants: no path is expected twice. A written path overrides ``any`` lines that match it, in any order of the lines.
No verdict is expected for a path whose denial could never be proven, except ``undefined``, which claims nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from netpol_harness.model.names import NamespacedName, Port
from netpol_harness.model.services import Service
from netpol_harness.paths.cells import Cell, exercised
from netpol_harness.paths.diagnostics import Problem, ProblemWithoutPlace
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.endpoints import Endpoint, HostEndpoint, PodEndpoint
from netpol_harness.paths.ends import ExternalSource, ExternalTarget, PodSource, PodTarget, ServiceTarget
from netpol_harness.paths.grammar import Sentence
from netpol_harness.paths.names import Names
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, Inventory, Path, ProbeMode, Scheme
from netpol_harness.paths.resolver import Resolver
from netpol_harness.paths.transition import Transition

_OF_NEW_CONNECTIONS = (ProbeMode.NEW, ProbeMode.CONTINUOUS)


def resolve(
    sentences: Sequence[Sentence], inventory: Inventory, transition: Transition | None = None
) -> tuple[tuple[Expectation, ...], tuple[Problem, ...]]:
    """Return the expectations of one step, in the order of the sentences, and their problems.

    ``inventory`` is that of the step: pods are relabelled, absent objects left out. ``any`` as a source stands for all
    workloads except those that may answer; as a target, for all workloads that serve the port, except the source. So
    do sets of workloads; a narrower set overrides a wider one, and a single name overrides both.
    Without a ``transition`` nothing is absent, and paths are not checked against the way in which the step is entered.
    """
    endpoints = EndpointResolver(inventory.world(), inventory.host_addresses)
    drafts, unresolved = _drafts(sentences, Resolver(inventory, transition, endpoints))
    written = [draft for draft in drafts if not draft.expanded]
    kept = _without_overridden(drafts, endpoints)
    problems = [*unresolved, *_duplicates(written), *_contradictions(draft for draft in kept if draft.expanded)]
    first = {draft.path: draft for draft in reversed(kept)}
    return tuple(draft.expectation for draft in kept if first[draft.path] is draft), tuple(problems)


def covered(expectations: Iterable[tuple[Path, Expected]], endpoints: EndpointResolver) -> frozenset[Cell]:
    """Return the cells that the paths with these verdicts cover.

    A name that must not resolve covers none of the Service's pods. Connections that were opened earlier and first
    packets cover none, because they do not tell whether new connections are allowed now.
    """
    return frozenset(
        cell
        for path, verdict in expectations
        if verdict is not Expected.UNRESOLVED and path.mode in _OF_NEW_CONNECTIONS
        for cell in exercised(path, endpoints)
    )


def cell_path(cell: Cell, names: Names) -> Path:
    """Return a cell of the closed world as a path to the target pod's address."""
    scheme = Scheme(cell.port.protocol.lower())
    prefix = "" if scheme is Scheme.TCP else f"{scheme}://"
    left = cell.source.host if isinstance(cell.source, ExternalSource) else names.spell_source(cell.source.ref)
    right = f"{prefix}{names.spell_target(cell.target)}:{cell.port.number}"
    return Path(cell.source, scheme, PodTarget(cell.target, cell.port.number), left, right)


def outward_paths(inventory: Inventory, names: Names) -> Iterator[Path]:
    """Yield the paths of every workload that is no stranger to the ports of the hosts outside that are strangers."""
    workloads = [w for w in inventory.workloads.values() if w.in_closed_world and not w.is_stranger]
    for host in inventory.externals.values():
        for port in (entry.port for entry in host.ports if host.is_stranger):
            target, scheme = ExternalTarget(host.name, port.number), Scheme(port.protocol.lower())
            right = f"{'' if scheme is Scheme.TCP else f'{scheme}://'}{host.name}:{port.number}"
            yield from (Path(PodSource(w.ref), scheme, target, names.spell_source(w.ref), right) for w in workloads)


def service_paths(inventory: Inventory, names: Names) -> tuple[Path, ...]:
    """Return the paths of every workload to every port of every Service, by name, if another end serves it.

    Strangers are left out, since the closed world has their paths to the pods.
    """
    endpoints = EndpointResolver(inventory.world(), inventory.host_addresses)
    offers = [
        (_service_target(service, port, names), answering)
        for service in inventory.services.values()
        for port in dict.fromkeys(port.port for port in service.ports)
        if (answering := _answering(endpoints.of_service(service, port), inventory))
    ]
    sources = [
        (workload.ref, PodSource(workload.ref), names.spell_source(workload.ref))
        for workload in inventory.workloads.values()
        if workload.in_closed_world and not workload.is_stranger
    ]
    return tuple(
        Path(source, scheme, target, left, right)
        for ref, source, left in sources
        for (scheme, target, right), answering in offers
        if ref not in answering
    )


def _answering(endpoints: Iterable[Endpoint], inventory: Inventory) -> frozenset[NamespacedName | str]:
    """Return the workloads, and the hosts by name, that declare the ports at which connections to them arrive."""
    answering = set[NamespacedName | str]()
    for endpoint in endpoints:
        match endpoint:
            case PodEndpoint(pod, port) if port in {declared.port for declared in pod.ports}:
                answering.add(pod.workload)
            case HostEndpoint(host, port) if port in {served.port for served in inventory.externals[host].ports}:
                answering.add(host)
    return frozenset(answering)


def _service_target(service: Service, port: Port, names: Names) -> tuple[Scheme, ServiceTarget, str]:
    scheme = Scheme(port.protocol.lower())
    prefix = "" if scheme is Scheme.TCP else f"{scheme}://"
    right = f"{prefix}{names.spell_service(service.ref)}:{port.number}"
    return scheme, ServiceTarget(service.ref, port.number), right


@dataclass(frozen=True, slots=True)
class _Draft:
    path: Path
    sentence: Sentence

    @property
    def expanded(self) -> bool:
        return self.sentence.is_wildcard

    @property
    def question(self) -> Path:
        """The path as policies see it: HTTP is TCP."""
        return replace(self.path, scheme=Scheme(self.path.scheme.protocol.lower()))

    @property
    def expectation(self) -> Expectation:
        return Expectation(self.path, self.sentence.expected, self.sentence.place.where)


def _drafts(sentences: Sequence[Sentence], resolver: Resolver) -> tuple[list[_Draft], list[Problem]]:
    drafts: list[_Draft] = []
    problems: list[Problem] = []
    for sentence in sentences:
        try:
            drafts += [_Draft(path, sentence) for path in resolver.paths(sentence)]
        except* ProblemWithoutPlace as flaws:
            problems += [flaw.at(sentence.place) for flaw in flaws.exceptions if isinstance(flaw, ProblemWithoutPlace)]
    return drafts, problems


def _without_overridden(drafts: Sequence[_Draft], endpoints: EndpointResolver) -> list[_Draft]:
    """Return the drafts without those of sets whose path a more specific line has too."""
    overrides = {
        specificity: _Overrides.by([d for d in drafts if d.sentence.specificity.exceeds(specificity)], endpoints)
        for specificity in dict.fromkeys(draft.sentence.specificity for draft in drafts if draft.expanded)
    }
    return [d for d in drafts if not (d.expanded and overrides[d.sentence.specificity].override(d))]


@dataclass(frozen=True, slots=True)
class _Overrides:
    """The paths and cells of more specific lines, which override a line."""

    questions: frozenset[Path]
    cells: frozenset[Cell]
    endpoints: EndpointResolver

    @classmethod
    def by(cls, written: Sequence[_Draft], endpoints: EndpointResolver) -> "_Overrides":
        cells = covered(((draft.path, draft.sentence.expected) for draft in written), endpoints)
        return cls(frozenset(draft.question for draft in written), cells, endpoints)

    def override(self, draft: _Draft) -> bool:
        """Return whether such a line has the path; if it is to a pod's address, also by one through a Service to it."""
        pod = isinstance(draft.path.target, PodTarget) and draft.path.scheme is not Scheme.ICMP
        return draft.question in self.questions or (pod and exercised(draft.path, self.endpoints) <= self.cells)


def _duplicates(written: Sequence[_Draft]) -> Iterator[Problem]:
    first: dict[Path, _Draft] = {}
    for draft in written:
        earlier = first.setdefault(draft.path, draft)
        if earlier is not draft:
            spelled = "" if earlier.path.text == draft.path.text else f", written '{earlier.path.text}'"
            what = f"'{draft.path}' is the same path as on line {earlier.sentence.place.line}{spelled}"
            yield Problem(draft.sentence.place, what, "remove one of them")


def _contradictions(expanded: Iterable[_Draft]) -> Iterator[Problem]:
    first: dict[Path, _Draft] = {}
    reported: set[tuple[Sentence, Sentence]] = set()
    for draft in expanded:
        earlier = first.setdefault(draft.question, draft)
        mine, other = draft.sentence, earlier.sentence
        if mine.expected is not other.expected and (mine, other) not in reported:
            reported.add((mine, other))
            mine_text = f"'{mine.text}' expects {mine.expected} for '{draft.path}'"
            what = f"{mine_text}, but '{other.text}' on line {other.place.line} expects {other.expected}"
            yield Problem(mine.place, what, f"give '{draft.path}' a line of its own, which overrides both")
