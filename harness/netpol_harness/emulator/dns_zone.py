"""The names of ``cluster.local``, as in the Kubernetes DNS specification 1.1.0, from the store's current state.

Of all other names only those of external hosts and those of labelled ConfigMaps exist, as if a name server of the
internet had them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from dnslib import AAAA, CNAME, SRV, A

from netpol_harness.emulator.domain_records import domain_records, is_domain_names
from netpol_harness.emulator.pod import is_external_host
from netpol_harness.emulator.store import Key, Store
from netpol_harness.model.addresses import ip_version
from netpol_harness.model.domain_names import DomainRecord
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.wellknown import KNOWN_TO_ANNOTATION, SERVICE_NAME_LABEL

ZONE = ("cluster", "local")
_MOST_ALIASES = 8
"""How many ExternalNames are followed, one to the next, as by CoreDNS."""
TTL = 5
"""Seconds for which the answers of the cluster's own names are valid, as by CoreDNS."""

Labels = tuple[str, ...]
Record = tuple[Labels, Any]
"""The name that a record belongs to, and its data."""


class Zone:
    """The names of ``cluster.local``, of external hosts, and of labelled ConfigMaps."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def lookup(self, labels: Labels, kind: str, asker: str = "", aliases: int = _MOST_ALIASES) -> list[Record] | None:
        """Return the records (of type ``kind``) of a name in lower case; ``None`` if the name does not exist.

        An alias is followed by the records of the name that it stands for, as far as these are known. ``asker`` is the
        address that asks: pods know the external hosts of their own scenario only.
        """
        if labels[-len(ZONE) :] != ZONE:
            return self._outside(labels, kind, asker, aliases) if len(labels) > 1 else None
        match tuple(reversed(labels[: -len(ZONE)])):
            case () | ("svc",) | ("pod",):
                return []
            case ("svc" | "pod", namespace):
                return [] if self._exists("namespaces", "", namespace) else None
            case ("pod", namespace, dashed):
                return _owned(labels, self._pod(namespace, dashed, kind))
            case ("svc", namespace, name, *rest):
                service = self._store.find(Key("services", namespace, name))
                if service is None:
                    return None
                if alias := _alias(service):
                    own = (labels, CNAME(".".join(alias)))
                    return None if rest else [own, *self._followed(alias, kind, asker, aliases)]
                return _owned(labels, self._service(service, tuple(reversed(rest)), kind))
        return None

    def _followed(self, alias: Labels, kind: str, asker: str, aliases: int) -> list[Record]:
        return (self.lookup(alias, kind, asker, aliases - 1) or []) if kind != "CNAME" and aliases else []

    def ttl(self, labels: Labels) -> int:
        """Return the seconds for which an answer with this name is valid."""
        return min((record.ttl for record in self._records(".".join(labels), "")), default=TTL)

    def _outside(self, labels: Labels, kind: str, asker: str, aliases: int) -> list[Record] | None:
        records = self._records(".".join(labels), asker)
        if not records:
            return _owned(labels, self._external_host(".".join(labels), kind, asker))
        found: list[Record] = []
        for record in records:
            if record.alias:
                followed = self._followed(tuple(record.alias.split(".")), kind, asker, aliases)
                found += [(labels, CNAME(record.alias)), *followed]
            for entry in record.addresses:
                data = _addresses([entry], kind) if ip_version(entry) else self._external_host(entry, kind, asker)
                found += [(labels, each) for each in data or ()]
        return found

    def _records(self, name: str, asker: str) -> list[DomainRecord]:
        """Return the records of a name that an address may know; every record if ``asker`` is empty."""
        maps = [data for data in self._store.list("configmaps") if is_domain_names(data)]
        home = self._namespace_of(asker) if maps and asker else ""
        known = [data for data in maps if not home or home in _namespaces_that_know(data, home)]
        return [record for data in known for record in domain_records(data) if record.name == name]

    def _external_host(self, name: str, kind: str, asker: str) -> list[Any] | None:
        named = [pod for pod in self._store.list("pods") if pod["metadata"]["name"] == name and is_external_host(pod)]
        if not named:
            return None
        home = self._namespace_of(asker)
        known = [pod for pod in named if not home or home in _namespaces_that_know(pod, home)]
        addresses = [entry["ip"] for pod in known for entry in _pod_ips(pod)]
        return _addresses(addresses, kind) if known else None

    def _namespace_of(self, address: str) -> str:
        """Return the namespace of the pod that has an address; empty if it is not a pod's."""
        pods = (pod for pod in self._store.list("pods") if {"ip": address} in _pod_ips(pod))
        return next((pod["metadata"]["namespace"] for pod in pods if not pod["spec"].get("hostNetwork")), "")

    def _exists(self, resource: str, namespace: str, name: str) -> bool:
        return self._store.find(Key(resource, namespace, name)) is not None

    def _pod(self, namespace: str, dashed: str, kind: str) -> list[Any] | None:
        is_ipv4 = dashed.count("-") == 3 and "--" not in dashed
        address = dashed.replace("-", "." if is_ipv4 else ":")
        if ip_version(address) is None or not self._exists("namespaces", "", namespace):
            return None
        return _addresses([address], kind)

    def _service(self, service: JsonMapping, rest: Labels, kind: str) -> list[Any] | None:
        name, namespace, spec = service["metadata"]["name"], service["metadata"]["namespace"], service["spec"]
        own = f"{name}.{namespace}.svc.cluster.local"
        addresses = [ip for ip in spec.get("clusterIPs") or [spec.get("clusterIP", "None")] if ip != "None"]
        endpoints = [] if addresses else list(self._endpoints(namespace, name))
        match rest:
            case ():
                addresses = addresses or [address for endpoint in endpoints for address in endpoint.addresses]
            case (host,):
                addresses = [address for endpoint in endpoints for address in endpoint.named(host)]
            case (port, protocol):
                targets = [(own, spec["ports"])] if addresses else [(f"{e.names[0]}.{own}", e.ports) for e in endpoints]
                return _servers(targets, (port, protocol), kind)
            case _:
                addresses = []
        return _addresses(addresses, kind) if addresses else None

    def _endpoints(self, namespace: str, service: str) -> Iterator["_HeadlessEndpoint"]:
        for endpoint_slice in self._store.list("endpointslices", namespace):
            if (endpoint_slice["metadata"].get("labels") or {}).get(SERVICE_NAME_LABEL) != service:
                continue
            for endpoint in endpoint_slice.get("endpoints") or ():
                if (endpoint.get("conditions") or {}).get("ready") is not False:
                    yield _endpoint(endpoint, endpoint_slice.get("ports") or ())


@dataclass(frozen=True, slots=True)
class _HeadlessEndpoint:
    """The addresses of an endpoint, with its names: the hostname, if it has one, or else its dashed addresses."""

    addresses: Labels
    names: Labels
    ports: Sequence[JsonMapping]

    def named(self, host: str) -> Labels:
        """Return the addresses that have this name."""
        if self.names == tuple(map(_dashed, self.addresses)):
            return tuple(address for address in self.addresses if _dashed(address) == host)
        return self.addresses if host in self.names else ()


def _endpoint(data: JsonMapping, ports: Sequence[JsonMapping]) -> _HeadlessEndpoint:
    addresses = tuple(address for address in data["addresses"] if ip_version(address))
    hostname = (data.get("hostname") or "").lower()
    return _HeadlessEndpoint(addresses, (hostname,) if hostname else tuple(map(_dashed, addresses)), ports)


def _dashed(address: str) -> str:
    return address.replace(".", "-").replace(":", "-")


def _pod_ips(pod: JsonMapping) -> Sequence[JsonMapping]:
    return (pod.get("status") or {}).get("podIPs") or ()


def _namespaces_that_know(host: JsonMapping, default: str) -> Sequence[str]:
    annotations = host["metadata"].get("annotations") or {}
    return str(annotations.get(KNOWN_TO_ANNOTATION, default)).split(",")


def _alias(service: JsonMapping) -> Labels:
    """Return the name that an ExternalName stands for; empty for any other Service."""
    spec = service["spec"]
    name = spec.get("externalName") or "" if spec.get("type") == "ExternalName" else ""
    return tuple(name.rstrip(".").lower().split(".")) if name else ()


def _owned(labels: Labels, records: Iterable[Any] | None) -> list[Record] | None:
    return None if records is None else [(labels, data) for data in records]


def _addresses(addresses: Sequence[str], kind: str) -> list[Any]:
    """Return the addresses of the family that is asked for, once each; ``[]`` if the name has only others."""
    families = ((4, A, ("A", "ANY")), (6, AAAA, ("AAAA", "ANY")))
    known = dict.fromkeys(addresses)
    found = ((data(a) for a in known if ip_version(a) == v) for v, data, kinds in families if kind in kinds)
    return list(chain.from_iterable(found))


def _servers(
    targets: Sequence[tuple[str, Sequence[JsonMapping]]], port_name: tuple[str, str], kind: str
) -> list[Any] | None:
    """Return SRV data of the port ``("_name", "_protocol")`` on every target that has it; None if none does."""
    records = [
        SRV(0, 100, port["port"], target)
        for target, ports in targets
        for port in ports
        if port_name == (f"_{port.get('name') or ''}", f"_{(port.get('protocol') or 'TCP').lower()}")
    ]
    if not records:
        return None
    return records if kind in ("SRV", "ANY") else []
