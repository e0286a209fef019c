"""The API objects of one document, each checked as the API server would. Lists stand for their items.

All objects that are returned can be parsed by ``model``; others are reported as problems with their position.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from netpol_harness.model.cluster_policy import ClusterNetworkPolicy
from netpol_harness.model.endpoint_slices import EndpointSlice, mirrored_slices
from netpol_harness.model.kinds import GroupKind, is_cluster_scoped, pod_template
from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.model.services import Service
from netpol_harness.scenario.family import POLICY_KINDS, ApiGroupFamily
from netpol_harness.scenario.kubernetes import API_VERSIONS, EQUAL_VERSIONS, SPECS, TEMPLATE
from netpol_harness.scenario.metadata import API_VERSION, KIND, metadata
from netpol_harness.scenario.network_policy import OUTSIDE_SPEC
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.scenario.scenario import Manifest
from netpol_harness.scenario.shape import Report, anything, mapping, nullable, sequence, string

_MODELS: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "Pod": Pod.parse,
    "Service": Service.parse,
    "EndpointSlice": EndpointSlice.parse,
    "Endpoints": mirrored_slices,
    "NetworkPolicy": NetworkPolicy.parse,
    "ClusterNetworkPolicy": ClusterNetworkPolicy.parse,
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
_LIST = "List"


@dataclass(frozen=True, slots=True)
class LocatedManifest:
    """A manifest and the node that it was read from."""

    manifest: Manifest
    node: YamlNode


def looks_like_an_object(document: YamlNode) -> bool:
    """Return whether a document says that it is an API object. Other files may be beside manifests."""
    return document.get("apiVersion") is not None or document.get("kind") is not None


def objects_of(document: YamlNode, report: Report) -> Iterator[LocatedManifest]:
    """Yield the objects of a document that can be read, and report what is wrong with them and the others."""
    for node in _expanded(document, report):
        if located := _located(node, report):
            yield located


def _expanded(node: YamlNode, report: Report) -> Iterator[YamlNode]:
    """Yield the objects of a document: itself, or the items of a list."""
    if not _is_list(node):
        yield node
        return
    _ITEMS(node, report)
    for item in node.at("items").items:
        yield from _expanded(_typed(item, node), report)


def _is_list(node: YamlNode) -> bool:
    """Return whether it is a ``List``, or a list of one kind as the API returns it, such as a ``PodList``."""
    kind = node.at("kind").text
    named = node.at("metadata", "name").kind is not YamlKind.NOTHING
    return kind == _LIST or (kind.endswith(_LIST) and node.get("items") is not None and not named)


def _typed(item: YamlNode, whole: YamlNode) -> YamlNode:
    """Return an item with the type that a typed list gives to its items, which need not repeat it."""
    kind = whole.at("kind").text.removesuffix(_LIST)
    if not kind or item.kind is not YamlKind.MAPPING:
        return item
    given = {"apiVersion": whole.at("apiVersion").text, "kind": kind}
    missing = tuple(
        (_text(item, key), _text(item, value)) for key, value in given.items() if value and item.get(key) is None
    )
    return replace(item, entries=(*missing, *item.entries)) if missing else item


def _text(place_of: YamlNode, text: str) -> YamlNode:
    return YamlNode(place_of.place, YamlKind.TEXT, text, text)


def _located(node: YamlNode, report: Report) -> LocatedManifest | None:
    scratch, data = Report(), node.plain()
    _TYPE(node, scratch)
    if not scratch.problems:
        _check(node, data, scratch)
    report.extend(scratch.problems)
    if scratch.problems:
        return None
    manifest = Manifest(data, node.place.where, node)
    kind = manifest.name.kind
    parse = _MODELS.get(kind)
    try:
        if parse:
            parse(manifest.data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        report.add(node.place, f"this {kind} cannot be read ({error})", "compare it with the API reference")
        return None
    return LocatedManifest(manifest, node)


def _check(node: YamlNode, data: dict[str, Any], report: Report) -> None:
    version, group_kind = node.at("apiVersion"), GroupKind.of(data)
    kind = str(group_kind)  # that of another API is not the one that has the shape
    wanted = API_VERSIONS.get(kind)
    if wanted and version.text not in (wanted, *EQUAL_VERSIONS.get(kind, ())):
        report.add(version.place, f"{kind} in {version.text} is not supported", f"write apiVersion: {wanted}")
    if kind in POLICY_KINDS and not wanted and not ApiGroupFamily.of(kind, version.text):
        report.add(
            version.place, f"{kind} in {version.text} is not a known policy", "compare it with the API reference"
        )
    spec = SPECS.get(kind)
    fields = {"metadata": metadata(kind), **({"spec": spec} if spec else {})}
    elsewhere = OUTSIDE_SPEC if spec and kind == "NetworkPolicy" else {}
    mapping(fields, required=fields, rest=anything, elsewhere=elsewhere)(node, report)
    if not spec and pod_template(data):
        mapping({"template": TEMPLATE}, rest=anything)(node.at("spec"), report)
    name = node.at("metadata", "namespace")
    if is_cluster_scoped(group_kind) and name.kind is not YamlKind.NOTHING and name.text:
        report.add(name.place, f"{kind} is cluster-scoped", "remove metadata.namespace")
