"""The definition of a CNI: the data of one file in manifests/cni, validated and parsed.

All problems of a file are reported at once, as ``file:line:column: problem; how to fix``. ``CNI`` is the reference of
the format; manifests/cni/calico.yaml is an example with all keys.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from netpol_harness.backends.base import Capability
from netpol_harness.backends.cni.patch import ObjectPattern, Patch, Replacement
from netpol_harness.backends.definitions import DefinitionForm, display
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.scenario.shape import Report, all_of, anything, flag, mapping, one_of, sequence, text
from netpol_harness.scenario.source import read

UNKNOWN = "unknown"
"""The checksum of a file for which none has been published: the file is not downloaded, and an error says so."""

_FAMILIES = ("ipv4", "ipv6", "dual")
_TARGET = r"[A-Za-z]+ ([a-z0-9.-]+/)?[a-z0-9.:-]+"
_OBJECT = text("an object", _TARGET, "write KIND NAMESPACE/NAME, or KIND NAME for a cluster-scoped object")


@dataclass(frozen=True, slots=True)
class ManifestSource:
    """A manifest: ``url`` with its ``sha256``, or a local ``file``, or ``obtain``: how the user gets it.

    ``location`` in the definition is ``file:line``.
    """

    location: str
    url: str = ""
    sha256: str = ""
    file: Path | None = None
    obtain: str = ""


@dataclass(frozen=True, slots=True)
class CniDefinition:
    """One CNI. ``networking`` is part of the kind config. ``wait`` are the controllers that must become ready.

    Without ``wait``, these are all DaemonSets and Deployments of the manifests. ``enforces`` tells whether the CNI
    enforces NetworkPolicy according to its documentation; the canary tests it. ``agent`` is the DaemonSet whose pods
    turn policies into rules, if they can be restarted without other harm. ``kubernetes`` are the oldest and newest
    minor version that the CNI supports, if it documents them. ``known`` is a file of its known deviations.
    """

    title: str
    manifests: tuple[ManifestSource, ...] = ()
    networking: Mapping[str, Any] = field(default_factory=dict)
    wait: tuple[ObjectPattern, ...] = ()
    agent: ObjectPattern | None = None
    enforces: bool = True
    capabilities: frozenset[Capability] = frozenset()
    kubernetes: tuple[int, int] | None = None
    patches: tuple[Patch, ...] = ()
    known: Path | None = None


def load(name: str, directory: Path) -> CniDefinition:
    """Return a definition by its name in ``directory``, or by its path.

    The path may also be that of a plain manifest, which is applied as it is. Raises ``ClusterFailed``.
    """
    path = _FORM.find(name, directory)
    documents, problems = read(path, display(path))
    if not problems and documents and any(document.get("apiVersion") is not None for document in documents):
        return plain(path)
    node = _FORM.the_one(documents, problems, path)
    base = node.at("extends").text
    return _extended(load(base, path.parent), node, path.parent) if base else _definition(node, path.parent)


def plain(manifest: Path) -> CniDefinition:
    """Return the definition of a CNI that is a plain manifest."""
    return CniDefinition(
        title=f"{manifest.stem} (from {display(manifest)})",
        manifests=(ManifestSource(display(manifest), file=manifest),),
        networking={"disableDefaultCNI": True},
    )


def _one_source(node: YamlNode, report: Report) -> None:
    sources = [key.text for key, _ in node.entries if key.text in ("url", "file", "obtain")]
    if node.kind is YamlKind.MAPPING and len(sources) != 1:
        report.add(node.place, f"{len(sources)} sources of one manifest", "write one of url, file and obtain")
    if "url" in sources and node.get("sha256") is None:
        report.add(node.place, "a URL without a checksum", f"add 'sha256:', or 'sha256: {UNKNOWN}' to have it refused")


def _one_change(node: YamlNode, report: Report) -> None:
    if node.kind is YamlKind.MAPPING and node.get("merge") is None and node.get("replace") is None:
        report.add(node.place, "this patch changes nothing", "add 'merge:' or 'replace:'")


_MANIFEST = all_of(
    mapping(
        {
            "url": text("a URL", r"https?://\S+", "write https://..."),
            "sha256": text("a checksum", rf"[0-9a-f]{{64}}|{UNKNOWN}", "write 64 hexadecimal digits, or 'unknown'"),
            "file": text("a file", r"[^\0]+", "write it relative to this file"),
            "obtain": text("how to get the manifest"),
        },
        what="a manifest (a mapping with url and sha256, or file, or obtain)",
    ),
    _one_source,
)
_REPLACEMENT = mapping(
    {"in": sequence(text("a key"), "a path of keys", least=1), "find": text("a text"), "by": text("a text", ".*")},
    required=("in", "find", "by"),
    what="a replacement (a mapping with in, find and by)",
)
_PATCH = all_of(
    mapping(
        {
            "target": _OBJECT,
            "families": sequence(one_of(_FAMILIES, "an IP family"), "a list of IP families", least=1),
            "merge": mapping({}, what="a mapping of fields", rest=anything),
            "replace": sequence(_REPLACEMENT, "a list of replacements", least=1),
        },
        required=("target",),
        what="a patch (a mapping with target, and merge or replace)",
    ),
    _one_change,
)
_VERSION = text("a Kubernetes version", r"1\.[0-9]+", 'write a quoted "1.36"')

_CAPABILITIES = (Capability.SCTP, Capability.IPV6, Capability.CHOSEN_ADDRESSES)

CNI = mapping(
    {
        "title": text("a title"),
        "extends": text("the name of another CNI", r"[a-z0-9-]+", "write the name of a file here, without .yaml"),
        "enforces": flag,
        "capabilities": sequence(one_of(_CAPABILITIES, "a capability"), "a list of capabilities"),
        "kubernetes": mapping(
            {"from": _VERSION, "to": _VERSION}, required=("from", "to"), what="a mapping of from and to"
        ),
        "networking": mapping(
            {
                "disableDefaultCNI": flag,
                "podSubnet": text("a subnet"),
                "kubeProxyMode": one_of(("iptables", "nftables", "ipvs", "none"), "a mode of kube-proxy"),
            },
            what="a mapping of kind's network settings",
        ),
        "manifests": sequence(_MANIFEST, "a list of manifests"),
        "wait": sequence(_OBJECT, "a list of objects"),
        "agent": text("a DaemonSet", r"DaemonSet [a-z0-9.-]+/[a-z0-9.-]+", "write DaemonSet NAMESPACE/NAME"),
        "patches": sequence(_PATCH, "a list of patches"),
        "known": text("a file", r"[^\0]+", "write it relative to this file"),
    },
    required=("title",),
    what="a CNI (a mapping with title, enforces and networking)",
)
_FORM = DefinitionForm("CNI", "--cni", CNI, required=("enforces", "networking"))


def _extended(base: CniDefinition, node: YamlNode, directory: Path) -> CniDefinition:
    """Return the base with the keys of this definition; network settings and patches are added to those of the base."""
    own = _definition(node, directory)
    names = ("title", "manifests", "wait", "agent", "enforces", "capabilities", "kubernetes", "known")
    return replace(
        base,
        **{name: getattr(own, name) for name in names if node.get(name) is not None},
        networking={**base.networking, **own.networking},
        patches=(*base.patches, *own.patches),
    )


def _definition(node: YamlNode, directory: Path) -> CniDefinition:
    supported = node.at("kubernetes")
    return CniDefinition(
        title=node.at("title").text,
        manifests=tuple(_manifest(item, directory) for item in node.at("manifests").items),
        networking=node.at("networking").plain() or {},
        wait=tuple(target(item.text) for item in node.at("wait").items),
        agent=target(node.at("agent").text) if node.get("agent") else None,
        enforces=node.at("enforces").value is True,
        capabilities=frozenset(Capability(item.text) for item in node.at("capabilities").items),
        kubernetes=(_minor(supported.at("from")), _minor(supported.at("to"))) if supported.entries else None,
        patches=tuple(_patch(item) for item in node.at("patches").items),
        known=directory / node.at("known").text if node.get("known") else None,
    )


def target(text: str) -> ObjectPattern:
    """Parse ``KIND NAMESPACE/NAME``, or ``KIND NAME`` for a cluster-scoped object."""
    kind, _, name = text.partition(" ")
    namespace, _, last = name.rpartition("/")
    return ObjectPattern(kind, namespace, last)


def _manifest(node: YamlNode, directory: Path) -> ManifestSource:
    file = node.at("file").text
    return ManifestSource(
        location=node.place.where,
        url=node.at("url").text,
        sha256=node.at("sha256").text,
        file=directory / file if file else None,
        obtain=node.at("obtain").text,
    )


def _patch(node: YamlNode) -> Patch:
    return Patch(
        location=node.place.where,
        target=target(node.at("target").text),
        families=frozenset(_texts(node.at("families").items) or _FAMILIES),
        merge=node.at("merge").plain() or {},
        replacements=tuple(
            Replacement(tuple(_texts(item.at("in").items)), item.at("find").text, item.at("by").text)
            for item in node.at("replace").items
        ),
    )


def _texts(nodes: Iterable[YamlNode]) -> list[str]:
    return [node.text for node in nodes]


def _minor(node: YamlNode) -> int:
    return int(re.sub(r"^1\.", "", node.text))
