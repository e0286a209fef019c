"""The cluster's name server, as in the Kubernetes DNS specification 1.1.0; it answers from the store.

It runs in a pod of kube-system behind a Service, so that policies can cut pods off from it as in a real cluster. It is
authoritative for ``cluster.local``. All other names do not exist, because the cluster has no way out, and it says so at
once: a lookup never times out unless the network drops it.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dnslib import CLASS, CNAME, QTYPE, RCODE, RR, SOA, SRV, A, DNSError, DNSHeader, DNSRecord

from netpol_harness.emulator.address_plan import CLUSTER_DNS_ADDRESS
from netpol_harness.emulator.kubelet.listeners import PeerAddress
from netpol_harness.emulator.store import Key, Store
from netpol_harness.model.addresses import ip_version
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.wellknown import SERVICE_NAME_LABEL

IMAGE = "netpol-harness/kube-dns"
_ZONE = ("cluster", "local")
_TTL = 5
_LONGEST_DATAGRAM = 512

Labels = tuple[str, ...]


def pod() -> dict[str, Any]:
    """Return the name server's Pod."""
    ports = [
        {"name": "dns", "containerPort": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _metadata(),
        "spec": {"containers": [{"name": "dns", "image": IMAGE, "ports": ports}], "dnsPolicy": "Default"},
    }


def service() -> dict[str, Any]:
    """Return its Service, which every pod's resolv.conf points to."""
    ports = [
        {"name": "dns", "port": 53, "targetPort": "dns", "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "targetPort": "dns-tcp", "protocol": "TCP"},
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(),
        "spec": {"clusterIP": CLUSTER_DNS_ADDRESS, "selector": {"k8s-app": "kube-dns"}, "ports": ports},
    }


def _metadata() -> dict[str, Any]:
    labels = {"k8s-app": "kube-dns", "kubernetes.io/name": "CoreDNS"}
    return {"name": "kube-dns", "namespace": "kube-system", "labels": labels}


class NameServer:
    """Answers queries over UDP and TCP (a ``listeners.Responder``)."""

    def __init__(self, store: Store) -> None:
        self._zone = Zone(store)

    def stream(self, received: bytes, peer: PeerAddress, *, ended: bool) -> bytes | None:
        """Answer one query. Both have two bytes of length in front (RFC 1035, 4.2.2)."""
        if len(received) < 2 or len(received) < 2 + (length := struct.unpack_from("!H", received)[0]):
            return None
        answer = bytes(self._answer(received[2 : 2 + length]).pack())
        return struct.pack("!H", len(answer)) + answer

    def remainder(self, received: bytes) -> bytes | None:
        """Return None: a connection has one query."""
        return None

    def datagram(self, payload: bytes, peer: PeerAddress) -> bytes:
        """Return the answer. It is marked truncated if it exceeds RFC 1035's limit of a datagram, so that
        TCP is tried.
        """
        reply = self._answer(payload)
        packed = bytes(reply.pack())
        return packed if len(packed) <= _LONGEST_DATAGRAM else bytes(reply.truncate().pack())

    def _answer(self, payload: bytes) -> Any:
        try:
            query = DNSRecord.parse(payload)
            if not query.questions:
                raise DNSError("no question")
            labels = tuple(label.decode("latin-1").lower() for label in query.q.qname.label)
        except (DNSError, struct.error, IndexError):
            identity = int.from_bytes(payload[:2], "big")
            return DNSRecord(DNSHeader(id=identity, qr=1, rcode=RCODE.FORMERR))
        reply = query.reply(ra=1, aa=1)
        records = self._zone.lookup(labels, str(QTYPE.get(query.q.qtype)))
        if records is None:
            reply.header.rcode = RCODE.NXDOMAIN
        for data in records or ():
            reply.add_answer(RR(query.q.qname, getattr(QTYPE, type(data).__name__), CLASS.IN, _TTL, data))
        if not records:
            reply.add_auth(_authority(labels))
        return reply


class Zone:
    """The names of ``cluster.local``, by the store's current state."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def lookup(self, labels: Labels, kind: str) -> list[Any] | None:
        """Return the record data (of type ``kind``) of a name in lower case; ``None`` if the name does not exist."""
        if labels[-len(_ZONE) :] != _ZONE:
            return None
        match tuple(reversed(labels[: -len(_ZONE)])):
            case () | ("svc",) | ("pod",):
                return []
            case ("svc" | "pod", namespace):
                return [] if self._exists("namespaces", "", namespace) else None
            case ("pod", namespace, dashed):
                return self._pod(namespace, dashed, kind)
            case ("svc", namespace, name, *rest):
                return self._service(namespace, name, tuple(reversed(rest)), kind)
        return None

    def _exists(self, resource: str, namespace: str, name: str) -> bool:
        return self._store.find(Key(resource, namespace, name)) is not None

    def _pod(self, namespace: str, dashed: str, kind: str) -> list[Any] | None:
        address = dashed.replace("-", ".")
        if ip_version(address) != 4 or not self._exists("namespaces", "", namespace):
            return None
        return _addresses([address], kind)

    def _service(self, namespace: str, name: str, rest: Labels, kind: str) -> list[Any] | None:
        service = self._store.find(Key("services", namespace, name))
        if service is None:
            return None
        spec = service["spec"]
        if spec.get("type") == "ExternalName":
            return [CNAME(spec["externalName"])] if not rest else None
        own = f"{name}.{namespace}.svc.cluster.local"
        addresses = [ip for ip in spec.get("clusterIPs") or [spec.get("clusterIP", "None")] if ip != "None"]
        endpoints = [] if addresses else list(self._endpoints(namespace, name))
        match rest:
            case ():
                addresses = addresses or [endpoint.address for endpoint in endpoints]
            case (host,):
                addresses = [endpoint.address for endpoint in endpoints if host in endpoint.names]
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
    """An address behind a headless Service, with its names: the pod's hostname, if any, and the dashed address."""

    address: str
    names: Labels
    ports: Sequence[JsonMapping]


def _endpoint(data: JsonMapping, ports: Sequence[JsonMapping]) -> _HeadlessEndpoint:
    address = data["addresses"][0]
    names = [data["hostname"].lower()] if data.get("hostname") else []
    return _HeadlessEndpoint(address, (*names, address.replace(".", "-")), ports)


def _addresses(addresses: Sequence[str], kind: str) -> list[Any]:
    return [A(address) for address in addresses] if kind in ("A", "ANY") else []


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


def _authority(labels: Labels) -> RR:
    """Return the SOA that lets a resolver cache, briefly, that there is no record."""
    zone = ".".join(_ZONE) if labels[-len(_ZONE) :] == _ZONE else "."
    data = SOA("ns.dns.cluster.local", "hostmaster.cluster.local", (1, 7200, 1800, 86400, _TTL))
    return RR(zone, QTYPE.SOA, CLASS.IN, _TTL, data)
