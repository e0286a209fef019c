"""The cluster's name server, as in the Kubernetes DNS specification 1.1.0; it answers from the store.

It runs in a pod of kube-system behind a Service, so that policies can cut pods off from it as in a real cluster. It is
authoritative for ``cluster.local``. Of all other names only those of external hosts and of labelled ConfigMaps exist,
because the cluster has no way out, and it says so at once: a lookup never times out unless the network drops it.
"""

import struct
from typing import Any

from dnslib import CLASS, QTYPE, RCODE, RR, SOA, DNSError, DNSHeader, DNSLabel, DNSRecord

from netpol_harness.emulator.address_plan import AddressPlan
from netpol_harness.emulator.dns_zone import TTL, ZONE, Labels, Zone
from netpol_harness.emulator.kubelet.listeners import PeerAddress
from netpol_harness.emulator.store import Store

IMAGE = "netpol-harness/kube-dns"
_LONGEST_DATAGRAM = 512


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


def service(plan: AddressPlan) -> dict[str, Any]:
    """Return its Service in the primary family, which every pod's resolv.conf points to."""
    ports = [
        {"name": "dns", "port": 53, "targetPort": "dns", "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "targetPort": "dns-tcp", "protocol": "TCP"},
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(),
        "spec": {"clusterIP": plan.primary.cluster_dns, "selector": {"k8s-app": "kube-dns"}, "ports": ports},
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
        answer = bytes(self._answer(received[2 : 2 + length], peer[0]).pack())
        return struct.pack("!H", len(answer)) + answer

    def remainder(self, received: bytes) -> bytes | None:
        """Return None: a connection has one query."""
        return None

    def datagram(self, payload: bytes, peer: PeerAddress) -> bytes:
        """Return the answer. It is marked truncated if it exceeds RFC 1035's limit of a datagram, so that
        TCP is tried.
        """
        reply = self._answer(payload, peer[0])
        packed = bytes(reply.pack())
        return packed if len(packed) <= _LONGEST_DATAGRAM else bytes(reply.truncate().pack())

    def _answer(self, payload: bytes, asker: str) -> Any:
        try:
            query = DNSRecord.parse(payload)
            if not query.questions:
                raise DNSError("no question")
            labels = tuple(label.decode("latin-1").lower() for label in query.q.qname.label)
        except (DNSError, struct.error, IndexError):
            identity = int.from_bytes(payload[:2], "big")
            return DNSRecord(DNSHeader(id=identity, qr=1, rcode=RCODE.FORMERR))
        reply = query.reply(ra=1, aa=1)
        records = self._zone.lookup(labels, str(QTYPE.get(query.q.qtype)), asker)
        if records is None:
            reply.header.rcode = RCODE.NXDOMAIN
        for owner, data in records or ():
            name = query.q.qname if owner == labels else DNSLabel(".".join(owner))
            reply.add_answer(RR(name, getattr(QTYPE, type(data).__name__), CLASS.IN, self._zone.ttl(owner), data))
        if not records:
            reply.add_auth(_authority(labels))
        return reply


def _authority(labels: Labels) -> RR:
    """Return the SOA that lets a resolver cache, briefly, that there is no record."""
    zone = ".".join(ZONE) if labels[-len(ZONE) :] == ZONE else "."
    data = SOA("ns.dns.cluster.local", "hostmaster.cluster.local", (1, 7200, 1800, 86400, TTL))
    return RR(zone, QTYPE.SOA, CLASS.IN, TTL, data)
