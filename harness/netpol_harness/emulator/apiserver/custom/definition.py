"""From a CustomResourceDefinition to the rows that serve its versions. Pure."""

from netpol_harness.emulator.apiserver.custom import cluster_network_policy
from netpol_harness.emulator.apiserver.custom.json_paths import field_names
from netpol_harness.emulator.apiserver.custom.structural import PRESERVED
from netpol_harness.emulator.apiserver.custom.version import CustomVersion, ScalePaths
from netpol_harness.emulator.apiserver.resources import ServedResource
from netpol_harness.model.json_object import JsonMapping

_ENFORCED = frozenset({cluster_network_policy.NAME})
"""The kinds that the data plane reads, by the names of their definitions."""


def served_versions(definition: JsonMapping) -> tuple[ServedResource, ...]:
    """Return a row for each served version, the one that is stored first."""
    versions = [version for version in definition["spec"]["versions"] if version.get("served")]
    return tuple(_row(definition, v) for v in sorted(versions, key=lambda version: not version.get("storage")))


def _row(definition: JsonMapping, version: JsonMapping) -> ServedResource:
    spec = definition["spec"]
    names, subresources = spec["names"], version.get("subresources") or {}
    schema = (version.get("schema") or {}).get("openAPIV3Schema") or {PRESERVED: True}
    columns = version.get("additionalPrinterColumns") or ()
    return ServedResource(
        names["plural"],
        names["kind"],
        spec["group"],
        version["name"],
        namespaced=spec["scope"] == "Namespaced",
        short_names=tuple(names.get("shortNames") or ()),
        subresources=tuple(name for name in ("status", "scale") if name in subresources),
        categories=tuple(names.get("categories") or ()),
        selectable=_selectable(version),
        enforced=f"{names['plural']}.{spec['group']}" in _ENFORCED,
        counts_generation=True,
        custom=CustomVersion(schema, columns, _scale(subresources), status="status" in subresources),
        singular_name=names.get("singular", ""),
        list_name=names.get("listKind", ""),
    )


def _selectable(version: JsonMapping) -> dict[str, tuple[str, ...]]:
    paths = [field["jsonPath"] for field in version.get("selectableFields") or ()]
    return {path.removeprefix("."): field_names(path) for path in paths}


def _scale(subresources: JsonMapping) -> ScalePaths | None:
    scale = subresources.get("scale")
    if scale is None:
        return None
    return ScalePaths(
        field_names(scale["specReplicasPath"]),
        field_names(scale["statusReplicasPath"]),
        field_names(scale.get("labelSelectorPath") or ""),
    )
