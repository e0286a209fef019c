"""The Services that objects without pods name: backends of Ingresses and routes, servers of the API server. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netpol_harness.model.names import NamespacedName
from netpol_harness.scenario.scenario import Manifest

ROUTES = frozenset({"HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"})
"""Kinds of the Gateway API with backends."""

_WEBHOOKS = frozenset({"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"})
_Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class NamedService:
    """A Service that an object names, with the number or the name of its port, and the place. ``why`` says what for."""

    service: NamespacedName
    port: object
    where: str
    why: str


def backends(manifest: Manifest) -> Iterator[NamedService]:
    """Yield the backends of an Ingress or of a route."""
    if manifest.name.kind == "Ingress":
        yield from _of_ingress(manifest)
    elif manifest.name.kind in ROUTES:
        yield from _of_route(manifest)


def _of_ingress(manifest: Manifest) -> Iterator[NamedService]:
    spec = manifest.data.get("spec") or {}
    found: list[tuple[_Keys, Mapping[str, Any]]] = [(("spec", "defaultBackend"), spec.get("defaultBackend") or {})]
    for i, rule in enumerate(spec.get("rules") or ()):
        for j, path in enumerate((rule.get("http") or {}).get("paths") or ()):
            found.append((("spec", "rules", i, "http", "paths", j, "backend"), path.get("backend") or {}))
    for keys, backend in found:
        if service := backend.get("service"):
            port = service.get("port") or {}
            ref = NamespacedName(manifest.name.ref.namespace, str(service.get("name")))
            yield NamedService(ref, port.get("number") or port.get("name"), manifest.at(*keys), _backend_of(manifest))


def _of_route(manifest: Manifest) -> Iterator[NamedService]:
    for i, rule in enumerate((manifest.data.get("spec") or {}).get("rules") or ()):
        refs = [(("backendRefs", j), ref) for j, ref in enumerate(rule.get("backendRefs") or ())]
        for j, each in enumerate(rule.get("filters") or ()):
            if mirror := (each.get("requestMirror") or {}).get("backendRef"):
                refs.append((("filters", j), mirror))
        for keys, ref in refs:
            if ref.get("kind", "Service") == "Service":
                service = NamespacedName(ref.get("namespace") or manifest.name.ref.namespace, str(ref.get("name")))
                where = manifest.at("spec", "rules", i, *keys)
                yield NamedService(service, ref.get("port"), where, _backend_of(manifest))


def _backend_of(manifest: Manifest) -> str:
    return f"backend of {manifest.name}"


def servers_of_the_api(manifest: Manifest) -> Iterator[NamedService]:
    """Yield the Services that the API server calls: webhooks, conversions of custom resources, aggregated APIs."""
    spec = manifest.data.get("spec") or {}
    found: list[tuple[_Keys, object, str]] = []
    if manifest.name.kind in _WEBHOOKS:
        for index, webhook in enumerate(manifest.data.get("webhooks") or ()):
            client = webhook.get("clientConfig") or {}
            found.append((("webhooks", index, "clientConfig"), client.get("service"), "webhook"))
    elif manifest.name.kind == "CustomResourceDefinition":
        client = ((spec.get("conversion") or {}).get("webhook") or {}).get("clientConfig") or {}
        found.append((("spec", "conversion", "webhook"), client.get("service"), "conversion webhook"))
    elif manifest.name.kind == "APIService":
        found.append((("spec", "service"), spec.get("service"), "aggregated API"))
    for keys, service, why in found:
        if isinstance(service, Mapping):
            ref = NamespacedName(str(service.get("namespace")), str(service.get("name")))
            yield NamedService(ref, int(service.get("port") or 443), manifest.at(*keys), why)
