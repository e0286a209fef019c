"""Reads the steps of a scenario.yaml into ``Step`` values, with every name looked up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from netpol_harness.model.kinds import WORKLOAD_NAMES, pod_selector
from netpol_harness.model.name_server import NameServer
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.diagnostics import Problem, ProblemWithoutPlace, suggest
from netpol_harness.paths.expectations import resolve, service_paths
from netpol_harness.paths.grammar import Sentence, parse
from netpol_harness.paths.names import Names, ObjectName
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, Inventory, PathWithoutVerdict, ProbeMode
from netpol_harness.paths.readiness import PREFIX, ReadyLine, parse_ready, resolve_ready
from netpol_harness.paths.resolver import Resolver
from netpol_harness.paths.terms import qualified
from netpol_harness.paths.transition import Transition
from netpol_harness.scenario.api_objects import LocatedManifest
from netpol_harness.scenario.domain_names import domain_records
from netpol_harness.scenario.inventory import inventory_of_step, without_ready_pods
from netpol_harness.scenario.manifests import ManifestReader, check_namespaces, check_unique
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.scenario.scenario import Others, Relabel, Restart, Step
from netpol_harness.scenario.shape import Report


@dataclass(frozen=True, slots=True)
class StepInputs:
    """What all steps of a scenario share.

    ``reliable`` tells whether every workload could be read. If not, unknown names are not reported, since they may be
    those of workloads that could not be read.
    """

    manifests: ManifestReader
    workloads: tuple[LocatedManifest, ...]
    inventory: Inventory
    namespaces: frozenset[str]
    exclusive: YamlNode
    reliable: bool
    name_server: NameServer

    @property
    def strangers(self) -> Iterator[ObjectName]:
        """The names of the pods that only steps with strangers have."""
        return (ObjectName(w.kind, w.ref) for w in self.inventory.workloads.values() if w.is_stranger)


def steps(nodes: Sequence[YamlNode], context: StepInputs, report: Report) -> tuple[Step, ...]:
    """Read all steps, each with those before it."""
    earlier: list[Step] = []
    for node in nodes:
        if node.kind is YamlKind.MAPPING:
            earlier.append(_step(node, context, earlier, report))
    return tuple(earlier)


def _step(node: YamlNode, context: StepInputs, before: Sequence[Step], report: Report) -> Step:
    """Read one step. Parts with problems are reported and left out of the step."""
    policies = context.manifests.policies(node.at("policies").items)
    check_unique(policies, report)
    check_namespaces(policies, context.namespaces, context.exclusive, report)
    reader = StepReader(context, report)
    labels = tuple(reader.relabels(node.at("labels")))
    strangers = wants_strangers(node)
    absent = (*reader.absent(node.at("absent").items), *(() if strangers else context.strangers))
    recreate = tuple(reader.recreated(node.at("recreate").items, absent))
    relaunched = tuple(_relaunched(labels, before[-1].labels if before else (), absent))
    inventory = inventory_of_step(context.inventory, labels, frozenset(absent), outsiders=strangers)
    names = domain_records(node.at("names"), inventory.externals, inventory.domain_records, report)
    inventory = replace(inventory, domain_records=names)
    lines = StepLines.of(node.at("paths"), report)
    readiness, unknown = resolve_ready(lines.ready, Resolver(inventory, None).pods_of)
    inventory = without_ready_pods(inventory, {one.ref for one in readiness if not one.ready and one.replica is None})
    transition = _transition(absent, (*recreate, *relaunched), before)
    expectations, problems = resolve(lines.sentences, inventory, transition)
    report.extend([*problems, *unknown] if context.reliable else ())
    derived = node.at("expect").text == "oracle"
    has_verdicts = node.at("paths").kind is YamlKind.MAPPING
    derives = derived and not has_verdicts
    return Step(
        name=node.at("name").text,
        where=node.place.where,
        inventory=inventory,
        expectations=expectations if has_verdicts else (),
        others=_others(node.at("others"), Others.ORACLE if derived else Others.UNCHECKED),
        policies=tuple(located.manifest for located in policies),
        labels=labels,
        recreate=recreate,
        relaunched=relaunched,
        readiness=readiness,
        absent=absent,
        description=node.at("description").text,
        repeat=repeat if isinstance(repeat := node.at("repeat").value, int) else 1,
        restart=Restart(text) if (text := node.at("restart").text) in list(Restart) else None,
        derived=derived,
        paths_without_verdict=_paths_without_verdict(expectations, node, inventory, transition) if derives else (),
    )


def _relaunched(
    labels: Sequence[Relabel], before: Sequence[Relabel], absent: Sequence[ObjectName]
) -> Iterator[NamespacedName]:
    """Yield the controllers whose pods get other labels than in the step before: they are replaced by new ones."""
    now, then = ({relabel.name: relabel.labels for relabel in relabels} for relabels in (labels, before))
    for name in {**now, **then}:
        differs = now.get(name, {}) != then.get(name, {})
        if differs and name.kind not in ("Pod", "Namespace") and name not in absent:
            yield name.ref


def wants_strangers(node: YamlNode) -> bool:
    """Return whether a step has strangers."""
    return node.at("strangers").value is True


def _transition(absent: Sequence[ObjectName], recreate: Sequence[NamespacedName], before: Sequence[Step]) -> Transition:
    """Return what is created on entering a step, and the connections that earlier ones have opened."""
    gone = frozenset(absent)
    back = frozenset(before[-1].absent if before else ()) - gone
    return Transition(
        absent=gone,
        created=frozenset(recreate) | {name.ref for name in back if name.kind in WORKLOAD_NAMES},
        held=frozenset(path for step in before for path in step.paths if path.mode is ProbeMode.PERSISTENT),
    )


def _paths_without_verdict(
    expectations: Sequence[Expectation], node: YamlNode, inventory: Inventory, transition: Transition
) -> tuple[PathWithoutVerdict, ...]:
    """Return the paths that the step lists, or else those of every workload to every port of every Service."""
    if node.get("paths") is not None:
        return tuple(PathWithoutVerdict(expectation.path, expectation.where) for expectation in expectations)
    where = node.place.where
    paths = service_paths(inventory, Names(inventory, transition.absent))
    return tuple(PathWithoutVerdict(path, where) for path in paths)


def _others(node: YamlNode, default: Others) -> Others:
    return Others(node.text) if node.text in list(Others) else default


@dataclass(frozen=True, slots=True)
class StepLines:
    """The lines of a step's ``paths``: those about paths, and those about the readiness of pods."""

    sentences: tuple[Sentence, ...]
    ready: tuple[ReadyLine, ...]

    @classmethod
    def of(cls, paths: YamlNode, report: Report) -> "StepLines":
        """Read all lines; report those that cannot be read."""
        read = [_line(key, value) for key, value in [*paths.entries, *((item, item) for item in paths.items)]]
        report.extend(line for line in read if isinstance(line, Problem))
        sentences = (line for line in read if isinstance(line, Sentence))
        return cls(tuple(sentences), tuple(line for line in read if isinstance(line, ReadyLine)))


def _line(key: YamlNode, value: YamlNode) -> Sentence | ReadyLine | Problem:
    if key.text.startswith(PREFIX):
        return parse_ready(key.text, str(value.value).lower(), key.place)
    verdict = Expected(value.text) if value.text in list(Expected) else Expected.UNDEFINED
    return parse(key.text, verdict, key.place)


class StepReader:
    """Reads the parts of a step that name objects."""

    def __init__(self, context: StepInputs, report: Report) -> None:
        self._context = context
        self._report = report
        self._names = Names(context.inventory)
        self._objects = {located.manifest.name for located in context.workloads}

    def relabels(self, node: YamlNode) -> Iterator[Relabel]:
        """Yield the entries of ``labels:``."""
        for key, value in node.at("pods").entries:
            if name := self._workload(key):
                relabel = Relabel(name, _labels(value))
                self._check_selector(relabel, value)
                yield relabel
        for key, value in node.at("namespaces").entries:
            if key.text in self._context.namespaces:
                yield Relabel(ObjectName("Namespace", NamespacedName("", key.text)), _labels(value))
            elif self._context.reliable:
                what = f"there is no namespace '{key.text}' in this scenario"
                self._report.add(key.place, what, suggest(key.text, self._context.namespaces))

    def recreated(self, nodes: Sequence[YamlNode], absent: Sequence[ObjectName]) -> Iterator[NamespacedName]:
        """Yield the workloads of ``recreate:``."""
        for node in nodes:
            name = self._workload(node)
            if name and name in absent:
                self._report.add(node.place, f"{name} is both recreated and absent", "remove it from one of the lists")
            elif name:
                yield name.ref

    def absent(self, nodes: Sequence[YamlNode]) -> Iterator[ObjectName]:
        """Yield the objects of ``absent:``."""
        for node in nodes:
            try:
                name = self._absent(node.text)
            except ProblemWithoutPlace as problem:
                self._problem(node, problem)
            else:
                yield name

    def _workload(self, node: YamlNode) -> ObjectName | None:
        """Return the name of a Pod, or of a controller of pods such as a Deployment."""
        try:
            ref = self._names.workload(qualified(node.text, "a pod"))
        except ProblemWithoutPlace as problem:
            self._problem(node, problem)
            return None
        return ObjectName(self._context.inventory.workloads[ref].kind, ref)

    def _check_selector(self, relabel: Relabel, node: YamlNode) -> None:
        """Report labels that the API server refuses: a controller must select the pods that it makes."""
        manifest = next(m for located in self._context.workloads if (m := located.manifest).name == relabel.name)
        selector = pod_selector(manifest.data)
        labels = {**((manifest.pod.get("metadata") or {}).get("labels") or {}), **relabel.labels}
        unmet = selector.unmet({key: value for key, value in labels.items() if value is not None}) if selector else ()
        for requirement in unmet:
            what = f"{relabel.name} selects its pods by the label '{requirement.key}'"
            self._report.add(node.place, what, "change another label, or recreate it as a workload of another name")

    def _absent(self, text: str) -> ObjectName:
        kind, slash, rest = text.partition("/")
        if slash and kind[:1].isupper():
            return self._object(kind, rest)
        name = qualified(text, "an object")
        if self._names.external(name):
            raise ProblemWithoutPlace(f"'{name}' is an external host, which steps do not change", "remove it")
        named = self._names.target(name)
        if not named.is_workload:
            return ObjectName("Service", named.ref)
        kind = self._context.inventory.workloads[named.ref].kind
        if named.is_service:
            raise ProblemWithoutPlace(
                f"'{name}' is both a {kind} and a Service", f"write {kind}/{name} or Service/{name}"
            )
        return ObjectName(kind, named.ref)

    def _object(self, kind: str, text: str) -> ObjectName:
        name = qualified(text, f"a {kind}")
        same = sorted(o for o in self._objects if o.kind == kind and kind != "Namespace" and o.ref.name == name.name)
        preferred = [
            o for o in same if o.ref.namespace == (name.namespace or self._context.inventory.default_namespace)
        ]
        matches = preferred if preferred or name.namespace else same
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise ProblemWithoutPlace(
                f"'{kind}/{name}' is in several namespaces", f"write {' or '.join(f'{kind}/{o.ref}' for o in matches)}"
            )
        known = [f"{o.kind}/{o.ref.name}" for o in self._objects if o.kind != "Namespace"]
        raise ProblemWithoutPlace(f"no workload manifest defines '{kind}/{name}'", suggest(f"{kind}/{name}", known))

    def _problem(self, node: YamlNode, problem: ProblemWithoutPlace) -> None:
        if self._context.reliable and node.text:
            self._report.extend([problem.at(node.place)])


def _labels(node: YamlNode) -> dict[str, str | None]:
    return {key.text: None if value.kind is YamlKind.NOTHING else value.text for key, value in node.entries}
