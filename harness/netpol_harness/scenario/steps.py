"""Steps: from a node of scenario.yaml to a ``Step``, with every name in it looked up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.diagnostics import ProblemWithoutPlace, suggest
from netpol_harness.paths.expectations import resolve, service_paths
from netpol_harness.paths.grammar import Sentence, parse, qualified
from netpol_harness.paths.names import WORKLOAD_KINDS, Names, ObjectName
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, Inventory, PathWithoutVerdict, ProbeMode
from netpol_harness.paths.resolver import Transition
from netpol_harness.scenario.inventory import in_step
from netpol_harness.scenario.manifests import Library, Located, in_known_namespaces, no_twins
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.scenario.scenario import Others, Relabel, Restart, Step
from netpol_harness.scenario.shape import Report


@dataclass(frozen=True, slots=True)
class StepContext:
    """What all steps of a scenario stand on.

    ``reliable`` says that every workload could be read. Where one could not, names are not looked up: what is unknown
    then may only be unreadable.
    """

    library: Library
    workloads: tuple[Located, ...]
    inventory: Inventory
    namespaces: frozenset[str]
    exclusive: YamlNode
    reliable: bool


def steps(nodes: Sequence[YamlNode], context: StepContext, report: Report) -> tuple[Step, ...]:
    """Read all steps, each in the light of those before it."""
    found: list[Step] = []
    for node in nodes:
        if node.kind is YamlKind.MAPPING:
            found.append(_step(node, context, found, report))
    return tuple(found)


def _step(node: YamlNode, context: StepContext, before: Sequence[Step], report: Report) -> Step:
    """Read one step; where something is wrong the report says so and the step lacks it."""
    policies = context.library.policies(node.at("policies").items)
    no_twins(policies, report)
    in_known_namespaces(policies, context.namespaces, context.exclusive, report)
    reader = _Reader(context, report)
    labels = tuple(reader.relabels(node.at("labels")))
    absent = tuple(reader.absent(node.at("absent").items))
    recreate = tuple(reader.recreated(node.at("recreate").items, absent))
    inventory = in_step(context.inventory, labels, frozenset(absent))
    transition = _transition(absent, recreate, before)
    found, problems = resolve(_sentences(node.at("paths"), report), inventory, transition)
    report.extend(problems if context.reliable else ())
    derived = node.at("expect").text == "oracle"
    wordless = node.at("paths").kind is not YamlKind.MAPPING
    return Step(
        name=node.at("name").text,
        where=node.place.where,
        inventory=inventory,
        expectations=() if wordless else found,
        others=_others(node.at("others"), Others.ORACLE if derived else Others.UNCHECKED),
        policies=tuple(located.manifest for located in policies),
        labels=labels,
        recreate=recreate,
        absent=absent,
        description=node.at("description").text,
        repeat=repeat if isinstance(repeat := node.at("repeat").value, int) else 1,
        restart=Restart(word) if (word := node.at("restart").text) in list(Restart) else None,
        derived=derived,
        inquiries=_inquiries(found, node, inventory, transition) if derived and wordless else (),
    )


def _transition(absent: Sequence[ObjectName], recreate: Sequence[NamespacedName], before: Sequence[Step]) -> Transition:
    """What is new on entering a step, and what has been open since earlier ones."""
    gone = frozenset(absent)
    back = frozenset(before[-1].absent if before else ()) - gone
    asked = [e.path for step in before for e in step.expectations] + [i.path for step in before for i in step.inquiries]
    return Transition(
        absent=gone,
        made=frozenset(recreate) | {name.ref for name in back if name.kind in WORKLOAD_KINDS},
        held=frozenset(path for path in asked if path.mode is ProbeMode.PERSISTENT),
    )


def _inquiries(
    found: Sequence[Expectation], node: YamlNode, inventory: Inventory, transition: Transition
) -> tuple[PathWithoutVerdict, ...]:
    """The paths that the step lists, or else every workload's way to every port of every Service."""
    if node.get("paths") is not None:
        return tuple(PathWithoutVerdict(expectation.path, expectation.where) for expectation in found)
    names = Names(inventory, transition.absent)
    return tuple(PathWithoutVerdict(path, node.place.where) for path in service_paths(inventory, names))


def _others(node: YamlNode, default: Others) -> Others:
    return Others(node.text) if node.text in list(Others) else default


def _sentences(paths: YamlNode, report: Report) -> list[Sentence]:
    sentences = []
    for key, value in [*paths.entries, *((item, item) for item in paths.items)]:
        word = Expected(value.text) if value.text in list(Expected) else Expected.UNDEFINED
        match parse(key.text, word, key.place):
            case Sentence() as sentence:
                sentences.append(sentence)
            case problem:
                report.extend([problem])
    return sentences


class _Reader:
    """The parts of a step that name objects."""

    def __init__(self, context: StepContext, report: Report) -> None:
        self._context = context
        self._report = report
        self._names = Names(context.inventory)
        self._objects = {located.manifest.name for located in context.workloads}

    def relabels(self, node: YamlNode) -> Iterator[Relabel]:
        """``labels:``"""
        for key, value in node.at("pods").entries:
            if ref := self._pod(key, "relabelled"):
                yield Relabel(ObjectName("Pod", ref), _labels(value))
        for key, value in node.at("namespaces").entries:
            if key.text in self._context.namespaces:
                yield Relabel(ObjectName("Namespace", NamespacedName("", key.text)), _labels(value))
            elif self._context.reliable:
                what = f"there is no namespace '{key.text}' in this scenario"
                self._report.add(key.place, what, suggest(key.text, self._context.namespaces))

    def recreated(self, nodes: Sequence[YamlNode], absent: Sequence[ObjectName]) -> Iterator[NamespacedName]:
        """``recreate:``"""
        for node in nodes:
            ref = self._pod(node, "recreated")
            if ref and ObjectName("Pod", ref) in absent:
                self._report.add(
                    node.place, f"Pod {ref} is both recreated and absent", "remove it from one of the lists"
                )
            elif ref:
                yield ref

    def absent(self, nodes: Sequence[YamlNode]) -> Iterator[ObjectName]:
        """``absent:``"""
        for node in nodes:
            try:
                name = self._absent(node.text)
            except ProblemWithoutPlace as flaw:
                self._flaw(node, flaw)
            else:
                yield name

    def _pod(self, node: YamlNode, done: str) -> NamespacedName | None:
        """Bare Pods alone: a controller's pods are its own to make and to label."""
        try:
            ref = self._names.workload(qualified(node.text, "a pod"))
            kind = self._context.inventory.workloads[ref].kind
            if kind != "Pod":
                raise ProblemWithoutPlace(
                    f"{kind} {ref} cannot be {done}: only Pods can", "make it a Pod, or remove it"
                )
        except ProblemWithoutPlace as flaw:
            self._flaw(node, flaw)
            return None
        return ref

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
        found = preferred if preferred or name.namespace else same
        if len(found) == 1:
            return found[0]
        if found:
            raise ProblemWithoutPlace(
                f"'{kind}/{name}' is in several namespaces", f"write {' or '.join(f'{kind}/{o.ref}' for o in found)}"
            )
        known = [f"{o.kind}/{o.ref.name}" for o in self._objects if o.kind != "Namespace"]
        raise ProblemWithoutPlace(f"no workload manifest defines '{kind}/{name}'", suggest(f"{kind}/{name}", known))

    def _flaw(self, node: YamlNode, flaw: ProblemWithoutPlace) -> None:
        if self._context.reliable and node.text:
            self._report.extend([flaw.at(node.place)])


def _labels(node: YamlNode) -> dict[str, str | None]:
    return {key.text: None if value.kind is YamlKind.NOTHING else value.text for key, value in node.entries}
