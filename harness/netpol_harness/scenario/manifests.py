"""Manifests, found by name, folder or glob, read once, and checked together.

A policy belongs to steps, any other object to the workloads. A file may hold both if it is listed in both places.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from os.path import normpath
from pathlib import Path

from netpol_harness.model.cluster_policy import ClusterNetworkPolicy
from netpol_harness.model.name_server import NameServer
from netpol_harness.paths.diagnostics import Place, ProblemWithoutPlace
from netpol_harness.paths.names import ObjectName
from netpol_harness.scenario.api_objects import LocatedManifest, looks_like_an_object, objects_of
from netpol_harness.scenario.family import ApiGroupFamily
from netpol_harness.scenario.files import Files
from netpol_harness.scenario.kustomization import render
from netpol_harness.scenario.listing import FolderKind, kind_of
from netpol_harness.scenario.node import YamlNode
from netpol_harness.scenario.overlay import NOTHING, Overlay
from netpol_harness.scenario.scenario import SYSTEM_NAMESPACES, Manifest
from netpol_harness.scenario.shape import Report
from netpol_harness.scenario.source import Documents, parse, read
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL


class _List(StrEnum):
    """The lists of a scenario.yaml that name manifests."""

    WORKLOADS = "workloads"
    POLICIES = "policies"


class ManifestReader:
    """Reads the manifests of one directory. A file that several steps name is read and reported once.

    Without ``globs`` every text is the name of a file or a folder. ``texts`` are the contents of files that do not
    exist, by name. ``overlay`` is applied over every list.
    """

    def __init__(
        self,
        directory: Path,
        report: Report,
        *,
        globs: bool = True,
        texts: Mapping[str, str] | None = None,
        overlay: Overlay = NOTHING,
    ) -> None:
        self.not_manifests: list[str] = []
        self._directory = directory
        self._files = Files(directory, report, globs=globs)
        self._report = report
        self._overlay = overlay
        self._texts = {directory / name: text for name, text in (texts or {}).items()}
        self._read: dict[Path, tuple[LocatedManifest, ...]] = {}
        self._lists: dict[_List, set[Path]] = {member: set() for member in _List}

    def workloads(self, patterns: Sequence[YamlNode]) -> tuple[LocatedManifest, ...]:
        """Return the objects other than policies that a list of names and globs stands for, in its order."""
        return self._sorted(patterns, _List.WORKLOADS)

    def policies(self, patterns: Sequence[YamlNode]) -> tuple[LocatedManifest, ...]:
        """Return the policies that a list of names and globs stands for, in its order."""
        return self._sorted(patterns, _List.POLICIES)

    @property
    def found_objects(self) -> bool:
        """Whether a file that was read holds an object."""
        return any(self._read.values())

    def check_lists(self) -> None:
        """Report objects whose file is only in the list of the others, or is in that list for nothing."""
        for file, objects in self._read.items():
            present = {_list_of(located) for located in objects}
            named = {member for member, files in self._lists.items() if file in files}
            for_nothing = file not in self._files.listed and bool(named - present)
            for located in objects:
                wanted = _list_of(located)
                if wanted not in named or for_nothing:
                    self._report.add(located.node.place, *_misplaced(located, wanted))

    def _sorted(self, patterns: Sequence[YamlNode], wanted: _List) -> tuple[LocatedManifest, ...]:
        """Return the objects of every file that matches, each file once, in the order of the list."""
        files = dict.fromkeys(file for pattern in patterns for file in self._named(pattern))
        self._lists[wanted].update(files)
        objects = [located for file in files for located in self._objects(file)]
        written = tuple(located for located in objects if _list_of(located) is wanted)
        return self._overlay.over(written, policies=wanted is _List.POLICIES)

    def _named(self, pattern: YamlNode) -> Sequence[Path]:
        given = self._directory / pattern.text
        return [given] if given in self._texts else self._files.named(pattern)

    def _objects(self, file: Path) -> tuple[LocatedManifest, ...]:
        if file not in self._read:
            shown = normpath(file.relative_to(self._directory))
            documents, problems = self._documents(file, shown)
            self._report.extend(problems)
            if documents and file in self._files.listed and not any(map(looks_like_an_object, documents)):
                self.not_manifests.append(shown)
                documents = ()
            self._read[file] = tuple(o for document in documents for o in objects_of(document, self._report))
        return self._read[file]

    def _documents(self, file: Path, shown: str) -> Documents:
        if file in self._texts:
            text = self._texts[file]
            return parse(text, shown, is_json=text.lstrip().startswith("{"))
        return _of_folder(file, shown) if file.is_dir() else read(file, shown)


def _of_folder(folder: Path, shown: str) -> Documents:
    """Return the documents of a kustomization; those of a Helm chart only helm knows."""
    try:
        if kind_of(folder) is FolderKind.CHART:
            raise ProblemWithoutPlace(
                "this folder is a Helm chart, whose templates are not manifests",
                "render it: `helm template DIR | netpol table -`, or into a file",
            )
        return parse(render(folder), f"{shown} (kubectl kustomize)")
    except ProblemWithoutPlace as problem:
        return (), (problem.at(Place(shown, 1)),)


def _list_of(located: LocatedManifest) -> _List:
    """Return the list that an object belongs to: policies of any API belong to steps."""
    return _List.WORKLOADS if located.manifest.family is None else _List.POLICIES


def _misplaced(located: LocatedManifest, wanted: _List) -> tuple[str, str]:
    """Return what is wrong with an object that is listed only among the others, and the remedy."""
    kind = located.manifest.data["kind"]
    if wanted is _List.POLICIES:
        return f"a {kind} is listed among the workloads", "list its file under a step's 'policies'"
    return f"a {kind} is listed among the policies", "list its file under 'workloads'"


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
        if exclusive.value is not True and (what := _shared(located.manifest, system=bool(system))):
            report.add(located.node.place, what, "add 'exclusive: true' to scenario.yaml, so that it runs alone")
        elif name.ref.namespace and name.ref.namespace not in own | SYSTEM_NAMESPACES:
            place = located.node.at("metadata", "namespace").place
            what = f"no manifest defines the namespace '{name.ref.namespace}'"
            report.add(place, what, "add a Namespace manifest to the workloads")


def _shared(manifest: Manifest, *, system: bool) -> str:
    """Return what other scenarios on the cluster have to do with an object; empty if nothing.

    A ClusterNetworkPolicy can be confined to the pods of a scenario, unless it is meant for those of the cluster.
    """
    name = manifest.name
    if manifest.family is ApiGroupFamily.CLUSTER:
        return f"{name} may have pods of kube-system among its subjects" if _selects_system_pods(manifest) else ""
    if system or (not name.ref.namespace and name.kind != "Namespace"):
        return f"{name} is shared by everything on the cluster"
    return ""


def _selects_system_pods(manifest: Manifest) -> bool:
    """Return whether a ClusterNetworkPolicy selects a name server's pods, or pods without labels, of kube-system."""
    subject = ClusterNetworkPolicy.parse(manifest.data).subject
    namespace = {NAMESPACE_NAME_LABEL: NameServer().service.namespace}
    return any(subject.selects(namespace, labels) for labels in ({}, NameServer().labels))
