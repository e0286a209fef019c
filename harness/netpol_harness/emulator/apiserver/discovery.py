"""Discovery: /api, /apis and the resource lists, plain and aggregated (apidiscovery.k8s.io v2 and v2beta1)."""

import os
import platform
from collections.abc import Iterable, Sequence
from typing import Any

from netpol_harness.emulator.apiserver import schema
from netpol_harness.emulator.apiserver.catalog import Catalog
from netpol_harness.emulator.apiserver.encoding import JSON, media_parameters
from netpol_harness.emulator.apiserver.resources import ServedResource

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Go's names of machines that differ from the kernel's."""
AGGREGATED_VERSIONS = ("v2", "v2beta1")
_SUBRESOURCE_VERBS = {"log": ("get",), "exec": ("create", "get"), "finalize": ("update",)}
_SUBRESOURCE_KINDS = {"exec": ("", "v1", "PodExecOptions"), "scale": ("autoscaling", "v1", "Scale")}


def version() -> dict[str, str]:
    """Return the answer to /version: the release whose schema is served, and the server's platform."""
    release = schema.document()["version"]
    major, minor, _ = release.split(".")
    system = os.uname()
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        "gitVersion": f"v{release}+embedded",
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": f"python{platform.python_version()}",
        "compiler": platform.python_implementation().lower(),
        "platform": f"{system.sysname.lower()}/{ARCHITECTURES.get(system.machine, system.machine)}",
    }


def aggregated_version(accept: str) -> str:
    """Return the version of aggregated discovery to answer in, or "" for the plain form."""
    offered = {
        parameters.get("v", "")
        for parameters in (media_parameters(media)[1] for media in accept.split(","))
        if parameters.get("as") == "APIGroupDiscoveryList"
    }
    return next((known for known in AGGREGATED_VERSIONS if known in offered), "")


def aggregated_type(discovery_version: str) -> str:
    """Return the media type of an aggregated answer."""
    return f"{JSON};g=apidiscovery.k8s.io;v={discovery_version};as=APIGroupDiscoveryList"


class Discovery:
    """Discovery of the kinds of a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def aggregated(self, path: str, discovery_version: str) -> dict[str, Any]:
        """Return all of /api or /apis in one answer."""
        groups = self._catalog.versions().items()
        wanted = [(group, versions) for group, versions in groups if bool(group) == (path == "/apis")]
        return {
            "kind": "APIGroupDiscoveryList",
            "apiVersion": f"apidiscovery.k8s.io/{discovery_version}",
            "metadata": {},
            "items": [self._group_discovery(group, versions) for group, versions in wanted],
        }

    def plain(self, path: str) -> dict[str, Any] | None:
        """Return the plain answer to /api, /apis, /apis/GROUP or a group and version; None for any other path."""
        match path.strip("/").split("/"):
            case ["api"]:
                return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
            case ["apis"]:
                groups = [_group(group, versions) for group, versions in self._catalog.versions().items() if group]
                return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
            case ["apis", group]:
                found = self._catalog.versions().get(group) if group else None
                return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, found)} if found else None
            case ["api", version]:
                return self._resource_list("", version)
            case ["apis", group, version]:
                return self._resource_list(group, version)
            case _:
                return None

    def _resource_list(self, group: str, version: str) -> dict[str, Any] | None:
        served = self._catalog.within(group, version)
        return _resource_list(group, version, served) if served else None

    def _group_discovery(self, group: str, versions: Sequence[str]) -> dict[str, Any]:
        entries = [
            {
                "version": version,
                "resources": [_resource_discovery(row) for row in self._catalog.within(group, version)],
                "freshness": "Current",
            }
            for version in versions
        ]
        return {"metadata": {"name": group} if group else {}, "versions": entries}


def _group(group: str, versions: Sequence[str]) -> dict[str, Any]:
    entries = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": entries, "preferredVersion": entries[0]}


def _resource_list(group: str, version: str, served: Iterable[ServedResource]) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for row in served:
        rows.append(
            {
                "name": row.plural,
                "singularName": row.singular,
                "namespaced": row.namespaced,
                "kind": row.kind,
                "verbs": list(row.verbs),
                **_names(row),
            }
        )
        rows += [_plain_subresource(row, name) for name in row.subresources]
    name = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": rows}


def _names(row: ServedResource) -> dict[str, list[str]]:
    names = {"shortNames": list(row.short_names), "categories": list(row.categories)}
    return {field: words for field, words in names.items() if words}


def _plain_subresource(row: ServedResource, name: str) -> dict[str, Any]:
    group, version, kind = _SUBRESOURCE_KINDS.get(name, (row.group, row.version, row.kind))
    foreign = {"group": group, "version": version} if name in _SUBRESOURCE_KINDS else {}
    verbs = _SUBRESOURCE_VERBS.get(name, ("get", "patch", "update"))
    return {
        "name": f"{row.plural}/{name}",
        "singularName": "",
        "namespaced": row.namespaced,
        **foreign,
        "kind": kind,
        "verbs": list(verbs),
    }


def _resource_discovery(row: ServedResource) -> dict[str, Any]:
    subresources = [
        {
            "subresource": name,
            "responseKind": _kind(*_SUBRESOURCE_KINDS.get(name, (row.group, row.version, row.kind))),
            "verbs": list(_SUBRESOURCE_VERBS.get(name, ("get", "patch", "update"))),
        }
        for name in row.subresources
    ]
    return {
        "resource": row.plural,
        "responseKind": _kind(row.group, row.version, row.kind),
        "scope": "Namespaced" if row.namespaced else "Cluster",
        "singularResource": row.singular,
        "verbs": list(row.verbs),
        **_names(row),
        **({"subresources": subresources} if subresources else {}),
    }


def _kind(group: str, version: str, kind: str) -> dict[str, str]:
    return {"group": group, "version": version, "kind": kind}
