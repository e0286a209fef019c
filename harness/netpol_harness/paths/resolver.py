"""Resolves one sentence of the grammar to its paths: looks up names, and expands sets of workloads and of ports.

``paths.expectations`` then compares the paths of all sentences with each other.
"""

from collections.abc import Callable
from itertools import product
from typing import TypeVar

from netpol_harness.model.names import Port
from netpol_harness.paths.diagnostics import ProblemWithoutPlace, suggest
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.ends import (
    ExternalSource,
    ExternalTarget,
    NameServerTarget,
    NodeSource,
    PodSource,
    PodTarget,
    Source,
    Target,
)
from netpol_harness.paths.grammar import Sentence
from netpol_harness.paths.names import Names
from netpol_harness.paths.path import Inventory, Path, Workload
from netpol_harness.paths.target_resolver import TargetResolver
from netpol_harness.paths.terms import Form, Term
from netpol_harness.paths.transition import Transition
from netpol_harness.paths.workload_sets import WorkloadSets

T = TypeVar("T")


class Resolver:
    """Resolves the sentences of one step."""

    def __init__(
        self, inventory: Inventory, transition: Transition | None, endpoints: EndpointResolver | None = None
    ) -> None:
        self._inventory = inventory
        self._endpoints = endpoints = endpoints or EndpointResolver(inventory.world(), inventory.host_addresses)
        self._transition = transition
        self._names = Names(inventory, transition.absent if transition else frozenset())
        self._sets = WorkloadSets(inventory)
        self._targets = TargetResolver(inventory, self._names, self._sets, endpoints)

    def paths(self, sentence: Sentence) -> list[Path]:
        """Return the paths of a sentence: one for each source, target and port.

        Raises a ``ProblemWithoutPlace``, or a group of them with one per side.
        """
        sentence = self._targets.completed(sentence)
        problems: list[ProblemWithoutPlace] = []
        sources, targets = (
            _noting_problem(self._sources, sentence, problems),
            _noting_problem(self._targets.targets, sentence, problems),
        )
        if problems:
            raise ExceptionGroup(sentence.text, problems)
        paths = [
            Path(source, sentence.scheme, target, left, right, sentence.mode, sentence.source_port)
            for (source, left), (target, right) in product(sources, targets)
            if not (sentence.is_wildcard and self._leads_back(source, target, sentence))
        ]
        for path in paths:
            self._require_two_pods(path)
            _require_client(path)
        if not paths:
            raise _nothing_matches(sentence)
        if transition := self._transition:
            for path in paths:
                transition.check(path, sentence.expected)
        return paths

    def pods_of(self, term: Term) -> tuple[Workload, int | None]:
        """Return the workload that a term names, and the index of one of its pods; raises ``ProblemWithoutPlace``."""
        return self._targets.pods_of(term)

    def _require_two_pods(self, path: Path) -> None:
        """Raise a problem if a path leads from the only pod of a controller to itself, where no policy applies."""
        source, target = path.source, path.target
        if not (isinstance(source, PodSource) and isinstance(target, PodTarget) and source.ref == target.ref):
            return
        workload = self._inventory.workloads[source.ref]
        if workload.kind != "Pod" and workload.is_one_pod:
            raise ProblemWithoutPlace(
                f"'{path}' is a path between two pods of {workload.kind} {workload.ref}, and it has one",
                "set its replicas to 2, or remove the path: a pod always reaches itself",
            )
        if source.replica is not None and source.replica == target.replica:
            raise ProblemWithoutPlace(f"'{path}' is a path from a pod to itself", "name two replicas")

    def _leads_back(self, source: Source, target: Target, sentence: Sentence) -> bool:
        """Return whether the source may answer itself, which the API leaves undefined."""
        probed = Port(sentence.scheme.protocol, target.port)
        return isinstance(source, PodSource) and source.ref in self._endpoints.workloads_behind(target, probed)

    def _sources(self, sentence: Sentence) -> list[tuple[Source, str]]:
        term, prefix = sentence.source, sentence.left_prefix
        if term.is_set:
            return [(PodSource(w.ref), prefix + self._names.spell_source(w.ref)) for w in self._sets.of(term)]
        if term.form is Form.NAME and (host := self._names.external(term.name)):
            _require_no_bound_port(sentence)
            return [(ExternalSource(host), sentence.left)]
        workload, replica = self._targets.pods_of(term)
        if term.form is Form.NODE:
            _require_no_bound_port(sentence)
            return [(NodeSource(workload.ref, replica), sentence.left)]
        _require_one_pod(sentence, workload, replica)
        _require_container(sentence, workload)
        return [(PodSource(workload.ref, term.container, replica), sentence.left)]


def _require_client(path: Path) -> None:
    """Raise a problem if an external host is to ask the cluster's name server: its look-ups go elsewhere."""
    if isinstance(path.target, ExternalTarget) and path.target.name and not isinstance(path.source, PodSource):
        raise ProblemWithoutPlace(
            f"the source of '{path}' does not use the cluster's name server, which knows '{path.target.name}'",
            "name a pod as the source",
        )
    if isinstance(path.target, NameServerTarget) and isinstance(path.source, ExternalSource):
        raise ProblemWithoutPlace(
            f"'{path.source.host}' is outside the cluster, and does not use its name server", "name a pod as the source"
        )


def _nothing_matches(sentence: Sentence) -> ProblemWithoutPlace:
    sets = " and ".join(f"'{term}'" for term in (sentence.source, sentence.target) if term.is_set)
    remedy = "remove the line, or add workloads"
    return ProblemWithoutPlace(f"{sets} stands for no path in '{sentence.text}': no workload probes itself", remedy)


def _noting_problem(
    resolve: Callable[[Sentence], list[T]], sentence: Sentence, problems: list[ProblemWithoutPlace]
) -> list[T]:
    """Resolve one side of a sentence, or note its problem and return nothing, so that both sides are checked."""
    try:
        return resolve(sentence)
    except ProblemWithoutPlace as problem:
        problems.append(problem)
        return []


def _require_container(sentence: Sentence, workload: Workload) -> None:
    """Raise a problem if a pod does not have the container, or if it is an init container that has ended."""
    name = sentence.source.container
    if not name or name in workload.containers:
        return
    if name not in workload.init_containers:
        raise ProblemWithoutPlace(f"{workload.ref} has no container '{name}'", suggest(name, workload.containers))
    if workload.is_ready:
        raise ProblemWithoutPlace(
            f"the init container '{name}' of {workload.ref} has ended when its pod is ready",
            f"name another container, or add 'ready({workload.ref}): false' if it waits in this step",
        )
    if sentence.expected.needs_proof:
        raise ProblemWithoutPlace(
            f"no denial can be proven from the init container '{name}': with policies lifted, it would end",
            "write undefined, or expect the denial of a pod that does not wait",
        )


def _require_one_pod(sentence: Sentence, source: Workload, replica: int | None) -> None:
    """Raise a problem if a bound port has several pods: all attempts would not be the same flow."""
    if sentence.source_port and replica is None and not source.is_one_pod:
        raise ProblemWithoutPlace(
            f"'{sentence.left}' binds a port in one pod, but {source.kind} {source.ref} may have several",
            f"name one of them, such as {sentence.source}/0, or remove the port",
        )


def _require_no_bound_port(sentence: Sentence) -> None:
    if sentence.source_port:
        what = f"'{sentence.left}' binds a port in one pod, but '{sentence.source}' is not a pod"
        raise ProblemWithoutPlace(what, "use a Pod as the source, or remove the port")
