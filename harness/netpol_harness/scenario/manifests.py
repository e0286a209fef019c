"""Manifests, found by name or glob, read once, and checked one by one and together.

All manifests that are returned can be parsed by ``model``; others are reported as problems with their position.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path
from typing import Any

from netpol_harness.model.endpoint_slices import EndpointSlice, mirrored_slices
from netpol_harness.model.kinds import GroupKind, is_cluster_scoped, pod_template
from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.model.services import Service
from netpol_harness.paths.names import ObjectName
from netpol_harness.scenario.family import POLICY_KINDS, ApiGroupFamily
from netpol_harness.scenario.files import Files
from netpol_harness.scenario.kubernetes import API_VERSIONS, SPECS, TEMPLATE
from netpol_harness.scenario.metadata import API_VERSION, KIND, metadata
from netpol_harness.scenario.network_policy import OUTSIDE_SPEC
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.scenario.scenario import SYSTEM_NAMESPACES, Manifest
from netpol_harness.scenario.shape import Report, anything, mapping, nullable, sequence, string
from netpol_harness.scenario.source import read

_MODELS: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "Pod": Pod.parse,
    "Service": Service.parse,
    "EndpointSlice": EndpointSlice.parse,
    "Endpoints": mirrored_slices,
    "NetworkPolicy": NetworkPolicy.parse,
}
_TYPE = mapping(
    {
        "apiVersion": string("an API version", API_VERSION, "write v1 or apps/v1, for example"),
        "kind": string("a kind", KIND, "write Pod, for example"),
    },
    required=("apiVersion", "kind"),
    what="an API object",
    rest=anything,
)
_ITEMS = mapping({"items": nullable(sequence(anything, "a list of objects"))}, rest=anything)


@dataclass(frozen=True, slots=True)
class LocatedManifest:
    """A manifest and the node that it was read from."""

    manifest: Manifest
    node: YamlNode


class ManifestReader:
    """Reads the manifests of one directory. A file that several steps name is read and reported once.

    A file holds either policies or other objects, and a mixture is a problem; with ``mixed``, objects are sorted
    instead. Without ``globs`` every text is the name of a file.
    """

    def __init__(self, directory: Path, report: Report, *, mixed: bool = False, globs: bool = True) -> None:
        self._directory = directory
        self._files = Files(directory, report, globs=globs)
        self._report = report
        self._mixed = mixed
        self._read: dict[Path, tuple[LocatedManifest, ...]] = {}

    def workloads(self, patterns: Sequence[YamlNode]) -> tuple[LocatedManifest, ...]:
        """Return the objects other than policies of the files that a list of names and globs matches, in its order."""
        return self._sorted(patterns, policies=False)

    def policies(self, patterns: Sequence[YamlNode]) -> tuple[LocatedManifest, ...]:
        """Return the policies of the files that a list of names and globs matches, in its order."""
        return self._sorted(patterns, policies=True)

    def _sorted(self, patterns: Sequence[YamlNode], *, policies: bool) -> tuple[LocatedManifest, ...]:
        objects = self._all(patterns)
        if not self._mixed:
            (_only_policies if policies else _no_policies)(objects, self._report)
            return objects
        return tuple(located for located in objects if (located.manifest.family is not None) == policies)

    def _all(self, patterns: Sequence[YamlNode]) -> tuple[LocatedManifest, ...]:
        """Return the objects of every file that matches, each file once, in the order of the list."""
        files = dict.fromkeys(file for pattern in patterns for file in self._files.named(pattern))
        return tuple(located for file in files for located in self._objects(file))

    def _objects(self, file: Path) -> tuple[LocatedManifest, ...]:
        if file not in self._read:
            shown = normpath(file.relative_to(self._directory))
            documents, problems = read(file, shown)
            self._report.extend(problems)
            objects = [node for document in documents for node in _expanded(document, self._report)]
            self._read[file] = tuple(filter(None, (_located(node, self._report) for node in objects)))
        return self._read[file]


def _only_policies(objects: Iterable[LocatedManifest], report: Report) -> None:
    """Report what is not a policy of any API among the policies of a step."""
    for located in objects:
        if located.manifest.family is None:
            kind = located.manifest.data["kind"]
            report.add(located.node.place, f"a {kind} is listed among the policies", "list its file under 'workloads'")


def _no_policies(objects: Iterable[LocatedManifest], report: Report) -> None:
    """Report policies among the workloads: they belong to steps, and would be in force in all of them here."""
    for located in objects:
        if located.manifest.family is not None:
            what = f"a {located.manifest.data['kind']} is listed among the workloads"
            report.add(located.node.place, what, "list its file under a step's 'policies'")


def check_unique(objects: Iterable[LocatedManifest], report: Report) -> None:
    """Report objects that are written twice: the second would silently replace the first."""
    first: dict[tuple[str, ObjectName], LocatedManifest] = {}
    for located in objects:
        name = located.manifest.name
        earlier = first.setdefault((located.manifest.group, name), located)
        if earlier is not located:
            report.add(
                located.node.place, f"{name} is already at {earlier.manifest.where}", "rename or remove one of them"
            )


def check_namespaces(
    objects: Iterable[LocatedManifest], own: frozenset[str], exclusive: YamlNode, report: Report
) -> None:
    """Report objects outside the scenario's ``own`` namespaces. What all scenarios share needs ``exclusive``."""
    for located in objects:
        name = located.manifest.name
        system = SYSTEM_NAMESPACES & {name.ref.namespace, name.ref.name if name.kind == "Namespace" else ""}
        shared = not name.ref.namespace and name.kind != "Namespace"
        if (system or shared) and exclusive.value is not True:
            what = f"{name} is shared by everything on the cluster"
            report.add(located.node.place, what, "add 'exclusive: true' to scenario.yaml, so that it runs alone")
        elif name.ref.namespace and name.ref.namespace not in own | SYSTEM_NAMESPACES:
            place = located.node.at("metadata", "namespace").place
            what = f"no manifest defines the namespace '{name.ref.namespace}'"
            report.add(place, what, "add a Namespace manifest to the workloads")


def _expanded(node: YamlNode, report: Report) -> Iterator[YamlNode]:
    """Yield the objects of a document: itself, or the items of a List."""
    if node.at("kind").text != "List":
        yield node
        return
    _ITEMS(node, report)
    for item in node.at("items").items:
        yield from _expanded(item, report)


def _located(node: YamlNode, report: Report) -> LocatedManifest | None:
    scratch = Report()
    _TYPE(node, scratch)
    if not scratch.problems:
        _check(node, scratch)
    report.extend(scratch.problems)
    if scratch.problems:
        return None
    manifest = Manifest(node.plain(), node.place.where, node)
    kind = manifest.name.kind
    parse = _MODELS.get(kind)
    try:
        if parse:
            parse(manifest.data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        report.add(node.place, f"this {kind} cannot be read ({error})", "compare it with the API reference")
        return None
    return LocatedManifest(manifest, node)


def _check(node: YamlNode, report: Report) -> None:
    version = node.at("apiVersion")
    group_kind = GroupKind.in_version(version.text, node.at("kind").text)
    kind = str(group_kind)  # that of another API is not the one that has the shape
    wanted = API_VERSIONS.get(kind)
    if wanted and version.text != wanted:
        report.add(version.place, f"{kind} in {version.text} is not supported", f"write apiVersion: {wanted}")
    if kind in POLICY_KINDS and not wanted and not ApiGroupFamily.of(kind, version.text):
        report.add(
            version.place, f"{kind} in {version.text} is not a known policy", "compare it with the API reference"
        )
    spec = SPECS.get(kind)
    fields = {"metadata": metadata(kind), **({"spec": spec} if spec else {})}
    elsewhere = OUTSIDE_SPEC if spec and kind == "NetworkPolicy" else {}
    mapping(fields, required=fields, rest=anything, elsewhere=elsewhere)(node, report)
    if not spec and isinstance(data := node.plain(), dict) and pod_template(data):
        mapping({"template": TEMPLATE}, rest=anything)(node.at("spec"), report)
    name = node.at("metadata", "namespace")
    if is_cluster_scoped(group_kind) and name.kind is not YamlKind.NOTHING:
        report.add(name.place, f"{kind} is cluster-scoped", "remove metadata.namespace")
