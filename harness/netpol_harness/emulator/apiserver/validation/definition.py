"""CustomResourceDefinitions (apiextensions.k8s.io/v1): names, versions, and structural schemas."""

from collections.abc import Iterator, Mapping
from typing import Any

from netpol_harness.emulator.apiserver import syntax
from netpol_harness.emulator.apiserver.custom.structural import INT_OR_STRING, PRESERVED
from netpol_harness.emulator.apiserver.errors import Cause, forbidden, invalid, not_supported, required
from netpol_harness.model.json_object import JsonObject

_SCOPES = ("Cluster", "Namespaced")
_APPROVAL = "api-approved.kubernetes.io"
_APPROVAL_WORDS = (
    f'protected groups must have approval annotation "{_APPROVAL}", see '
    "https://github.com/kubernetes/enhancements/pull/1111"
)
_FORBIDDEN = ("definitions", "dependencies", "id", "patternProperties", "$ref")


def check(definition: JsonObject) -> list[Cause]:
    """Return causes to refuse the definition."""
    spec = definition.get("spec", {})
    causes = [*_check_names(definition, spec), *_check_versions(spec.get("versions", []))]
    if spec.get("scope") not in _SCOPES:
        causes.append(not_supported("spec.scope", spec.get("scope", ""), _SCOPES))
    annotations = definition["metadata"].get("annotations", {})
    if spec.get("group", "").endswith((".k8s.io", ".kubernetes.io")) and not annotations.get(_APPROVAL):
        causes.append(required(f"metadata.annotations[{_APPROVAL}]", _APPROVAL_WORDS))
    return causes


def compare(definition: JsonObject, previous: JsonObject) -> list[Cause]:
    """Return causes to refuse the change: group, scope and the names that objects are stored by are immutable."""
    after, before = definition.get("spec", {}), previous["spec"]
    places = {"spec.group": ("group",), "spec.scope": ("scope",), "spec.names.kind": ("names", "kind")}
    changed = [(path, _at(after, place)) for path, place in places.items() if _at(after, place) != _at(before, place)]
    return [invalid(path, value, "field is immutable") for path, value in changed]


def _at(spec: Mapping[str, Any], place: tuple[str, ...]) -> Any:
    value: Any = spec
    for name in place:
        value = value.get(name)
    return value


def _check_names(definition: JsonObject, spec: Mapping[str, Any]) -> Iterator[Cause]:
    names, name = spec.get("names", {}), definition["metadata"].get("name", "")
    group, plural = spec.get("group", ""), names.get("plural", "")
    if name != f"{plural}.{group}":
        yield invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')
    yield from (invalid("spec.group", group, words) for words in syntax.dns_subdomain(group))
    if "." not in group:
        yield invalid("spec.group", group, "should be a domain with at least one dot")
    for field in ("plural", "singular"):
        value = names.get(field, "")
        yield from (invalid(f"spec.names.{field}", value, words) for words in syntax.dns_1035_label(value))
    for field in ("kind", "listKind"):
        value = names.get(field, "")
        yield from (invalid(f"spec.names.{field}", value, words) for words in syntax.dns_1035_label(value.lower()))


def _check_versions(versions: list[Mapping[str, Any]]) -> Iterator[Cause]:
    if sum(bool(version.get("storage")) for version in versions) != 1:
        names = [version.get("name", "") for version in versions if version.get("storage")]
        yield invalid("spec.versions", names, "must have exactly one version marked as storage version")
    for i, version in enumerate(versions):
        path = f"spec.versions[{i}]"
        yield from (invalid(f"{path}.name", version["name"], w) for w in syntax.dns_1035_label(version.get("name", "")))
        schema = version.get("schema", {}).get("openAPIV3Schema")
        if schema is None:
            yield required(f"{path}.schema.openAPIV3Schema", "schemas are required")
        else:
            yield from _check_schema(schema, f"{path}.schema.openAPIV3Schema", is_root=True)


def _check_schema(schema: Mapping[str, Any], path: str, *, is_root: bool = False) -> Iterator[Cause]:
    """Yield causes to refuse a schema that is not structural."""
    yield from (forbidden(f"{path}.{word}", f"{word} is not supported") for word in _FORBIDDEN if word in schema)
    if not schema.get("type") and not schema.get(INT_OR_STRING) and not schema.get(PRESERVED):
        yield required(f"{path}.type", "must not be empty for specified " + ("root" if is_root else "object fields"))
    if is_root and schema.get("type") not in (None, "object"):
        yield invalid(f"{path}.type", schema["type"], "must be object at the root")
    if schema.get("type") == "array" and not schema.get("items"):
        yield required(f"{path}.items", "must be specified")
    for name, part in schema.get("properties", {}).items():
        if not (is_root and name == "metadata"):
            yield from _check_schema(part, f"{path}.properties[{name}]")
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), Mapping):
            yield from _check_schema(schema[word], f"{path}.{word}")
