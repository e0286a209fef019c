"""Defaults of CustomResourceDefinitions (``apiextensions-apiserver/pkg/apis/apiextensions/v1/defaults.go``)."""

from netpol_harness.emulator.apiserver.defaults.absent import fill
from netpol_harness.model.json_object import JsonObject

CLEAN_UP = "customresourcecleanup.apiextensions.k8s.io"
"""Finalizer of a definition: its objects are deleted first."""


def default_definition(definition: JsonObject) -> None:
    """Fill in a CustomResourceDefinition."""
    spec = definition.setdefault("spec", {})
    names = spec.setdefault("names", {})
    fill(names, singular=names.get("kind", "").lower(), listKind=f"{names.get('kind', '')}List")
    fill(spec, conversion={"strategy": "None"})
    if "deletionTimestamp" not in definition["metadata"] and "uid" not in definition["metadata"]:
        finalizers = definition["metadata"].get("finalizers") or []
        definition["metadata"]["finalizers"] = [*finalizers, *({CLEAN_UP} - set(finalizers))]
