"""Writes the schema file of the embedded cluster's API from the definitions of `kubernetes_validate`.

Run it when the Kubernetes version to imitate changes: `python tools/generate_api_schema.py 1.37.0`. It keeps the
definitions that the served kinds refer to, drops descriptions, and writes one definition a line, so that a change of
version can be reviewed as a diff.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from netpol_harness.emulator.apiserver.built_in_kinds import RESOURCES, REVIEWS

ROOTS = (
    *(row.definition for row in (*RESOURCES, *REVIEWS)),
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
    "io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler",
    "io.k8s.api.autoscaling.v1.Scale",
    "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
)
KEPT = (
    "type",
    "format",
    "required",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-patch-merge-key",
    "x-kubernetes-patch-strategy",
)
SPECIAL = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"format": "int-or-string", "type": "string"},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"format": "quantity", "type": "string"},
}
OPENSHIFT = Path(__file__).parent / "openshift_definitions.yaml"
"""Definitions of OpenShift's kinds, in the form of Kubernetes' own."""
TARGET = Path(__file__).parent.parent / "harness/netpol_harness/emulator/apiserver/schema.json"


def main() -> None:
    """Write the schema file for the version on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", help="a version that kubernetes_validate knows, such as 1.37.0")
    version = parser.parse_args().version
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}-local"
    definitions = json.loads((folder / "_definitions.json").read_text())["$defs"]
    definitions |= yaml.safe_load(OPENSHIFT.read_text())
    kept = {name: slim(name, definitions[name]) for name in sorted(reachable(definitions, ROOTS))}
    TARGET.write_text(render(version, kept))


def reachable(definitions: Mapping[str, Any], roots: tuple[str, ...]) -> set[str]:
    """Return the roots and every definition that they refer to, directly or not."""
    seen: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += references(definitions[name])
    return seen


def references(schema: object) -> Iterator[str]:
    """Yield the names of the definitions that a schema refers to directly."""
    if isinstance(schema, Mapping):
        if isinstance(schema.get("$ref"), str):
            yield definition_name(schema["$ref"])
        for part in schema.values():
            yield from references(part)


def definition_name(reference: str) -> str:
    """Return the last part of a ``$ref``."""
    return reference.rsplit("/", 1)[1]


def slim(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema without descriptions, alternatives and nulls: a field is optional if ``required`` lacks it."""
    if name in SPECIAL:
        return SPECIAL[name]
    slimmed = {key: schema[key] for key in KEPT if key in schema}
    if isinstance(slimmed.get("type"), list):
        slimmed["type"] = next(name for name in slimmed["type"] if name != "null")
    if "$ref" in schema:
        slimmed["$ref"] = f"#/components/schemas/{definition_name(schema['$ref'])}"
    if "items" in schema:
        slimmed["items"] = slim("", schema["items"])
    if isinstance(schema.get("additionalProperties"), Mapping):
        slimmed["additionalProperties"] = slim("", schema["additionalProperties"])
    if "properties" in schema:
        slimmed["properties"] = {field: slim("", part) for field, part in sorted(schema["properties"].items())}
    return slimmed


def render(version: str, definitions: Mapping[str, Any]) -> str:
    """Return the file's content."""
    lines = (f"{json.dumps(name)}: {json.dumps(schema, sort_keys=True)}" for name, schema in definitions.items())
    return f'{{"version": {json.dumps(version)}, "definitions": {{\n' + ",\n".join(lines) + "\n}}\n"


if __name__ == "__main__":
    main()
