"""The name server, against the DNS specification of Kubernetes."""

import json
import struct
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from dnslib import QTYPE, RCODE, DNSRecord
from hypothesis import example, given
from hypothesis import strategies as st

from netpol_harness.emulator.dns import NameServer
from netpol_harness.emulator.store import Store
from netpol_harness.model.domain_names import DomainRecord
from netpol_harness.wellknown import (
    DOMAIN_NAMES_LABEL,
    EXTERNAL_HOST_ANNOTATION,
    KNOWN_TO_ANNOTATION,
    SERVICE_NAME_LABEL,
)

PEER = ("10.244.0.9", 40000)


@pytest.fixture
def store() -> Store:
    numbers = count()
    store = Store(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), new_uid=lambda: str(next(numbers)))
    store.create("namespaces", {"metadata": {"name": "shop"}})
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}]
    for name, spec in {
        "web": {"clusterIP": "10.96.1.1", "clusterIPs": ["10.96.1.1"], "ports": ports},
        "db": {"clusterIP": "None", "clusterIPs": ["None"], "ports": ports},
        "none": {"clusterIP": "None", "ports": ports},
        "six": {"clusterIP": "10.96.1.6", "clusterIPs": ["10.96.1.6", "fd00::6"], "ports": ports},
        "away": alias("example.org"),
        "alias": alias("web.Shop.svc.cluster.local."),
        "alias-of-alias": alias("alias.shop.svc.cluster.local"),
        "alias-of-nobody": alias("nobody.shop.svc.cluster.local"),
        "loop": alias("loop.shop.svc.cluster.local"),
        "by-hand": {"clusterIP": "None", "ports": ports},
    }.items():
        store.create("services", {"metadata": {"name": name, "namespace": "shop"}, "spec": spec})
    endpoints: list[dict[str, Any]] = [
        {"addresses": ["10.244.0.5"], "hostname": "db-0", "conditions": {"ready": True}},
        {"addresses": ["10.244.0.6"], "conditions": {}},
        {"addresses": ["10.244.0.7"], "conditions": {"ready": False}},
    ]
    labels = {SERVICE_NAME_LABEL: "db"}
    slice_ports = [{"name": "http", "port": 8080, "protocol": "TCP"}]
    metadata = {"name": "db-x", "namespace": "shop", "labels": labels}
    store.create("endpointslices", {"metadata": metadata, "endpoints": endpoints, "ports": slice_ports})
    metadata = {"name": "by-hand-1", "namespace": "shop", "labels": {SERVICE_NAME_LABEL: "by-hand"}}
    outside = {"addresses": ["203.0.113.7", "203.0.113.8"]}
    store.create("endpointslices", {"metadata": metadata, "endpoints": [outside], "ports": slice_ports})
    return store


def alias(name: str) -> dict[str, Any]:
    return {"type": "ExternalName", "externalName": name}


def external_host(store: Store, namespace: str, address: str, known_to: str | None) -> None:
    annotations = {EXTERNAL_HOST_ANNOTATION: address} | ({} if known_to is None else {KNOWN_TO_ANNOTATION: known_to})
    metadata = {"name": "db.example.com", "namespace": namespace, "annotations": annotations}
    status = {"podIP": address, "podIPs": [{"ip": address}]}
    store.create("pods", {"metadata": metadata, "spec": {}, "status": status})


@pytest.fixture
def server(store: Store) -> NameServer:
    return NameServer(store)


def ask(server: NameServer, name: str, kind: str = "A") -> tuple[str, list[str]]:
    reply = DNSRecord.parse(server.datagram(DNSRecord.question(name, kind).pack(), PEER))
    return RCODE.get(reply.header.rcode), [str(record.rdata) for record in reply.rr]


@pytest.mark.parametrize(
    ("name", "kind", "answers"),
    [
        ("web.shop.svc.cluster.local", "A", ["10.96.1.1"]),
        ("WEB.Shop.svc.Cluster.Local", "A", ["10.96.1.1"]),
        ("web.shop.svc.cluster.local", "AAAA", []),
        ("db.shop.svc.cluster.local", "A", ["10.244.0.5", "10.244.0.6"]),
        ("db-0.db.shop.svc.cluster.local", "A", ["10.244.0.5"]),
        ("10-244-0-6.db.shop.svc.cluster.local", "A", ["10.244.0.6"]),
        ("10-244-0-9.shop.pod.cluster.local", "A", ["10.244.0.9"]),
        ("_http._tcp.web.shop.svc.cluster.local", "SRV", ["0 100 80 web.shop.svc.cluster.local."]),
        (
            "_http._tcp.db.shop.svc.cluster.local",
            "SRV",
            ["0 100 8080 db-0.db.shop.svc.cluster.local.", "0 100 8080 10-244-0-6.db.shop.svc.cluster.local."],
        ),
        ("six.shop.svc.cluster.local", "A", ["10.96.1.6"]),
        ("six.shop.svc.cluster.local", "AAAA", ["fd00::6"]),
        ("by-hand.shop.svc.cluster.local", "A", ["203.0.113.7", "203.0.113.8"]),
        ("203-0-113-8.by-hand.shop.svc.cluster.local", "A", ["203.0.113.8"]),
        ("away.shop.svc.cluster.local", "A", ["example.org."]),
        ("away.shop.svc.cluster.local", "CNAME", ["example.org."]),
        ("alias.shop.svc.cluster.local", "A", ["web.shop.svc.cluster.local.", "10.96.1.1"]),
        ("alias.shop.svc.cluster.local", "AAAA", ["web.shop.svc.cluster.local."]),
        (
            "alias-of-alias.shop.svc.cluster.local",
            "A",
            ["alias.shop.svc.cluster.local.", "web.shop.svc.cluster.local.", "10.96.1.1"],
        ),
        ("alias-of-nobody.shop.svc.cluster.local", "A", ["nobody.shop.svc.cluster.local."]),
        ("shop.svc.cluster.local", "A", []),
        ("svc.cluster.local", "A", []),
        ("cluster.local", "A", []),
    ],
)
def test_names_that_exist(server: NameServer, name: str, kind: str, answers: list[str]) -> None:
    assert ask(server, name, kind) == ("NOERROR", answers)


@pytest.mark.parametrize(
    "name",
    [
        "nosuch.shop.svc.cluster.local",
        "web.nosuch.svc.cluster.local",
        "nosuch.svc.cluster.local",
        "none.shop.svc.cluster.local",
        "db-1.db.shop.svc.cluster.local",
        "x.web.shop.svc.cluster.local",
        "x.alias.shop.svc.cluster.local",
        "10-244-0-5.db.shop.svc.cluster.local",
        "_https._tcp.web.shop.svc.cluster.local",
        "a.b.c.web.shop.svc.cluster.local",
        "10-244-0-9.nosuch.pod.cluster.local",
        "999-1-1-1.shop.pod.cluster.local",
        "x.cluster.local",
        "example.com",
        "web",
        ".",
    ],
)
def test_unknown_names_are_answered_at_once(server: NameServer, name: str) -> None:
    assert ask(server, name) == ("NXDOMAIN", [])


def test_an_alias_of_itself_is_answered(server: NameServer) -> None:
    status, answers = ask(server, "loop.shop.svc.cluster.local")
    assert (status, set(answers)) == ("NOERROR", {"loop.shop.svc.cluster.local."})


def test_the_addresses_of_an_alias_belong_to_the_name_that_it_stands_for(server: NameServer) -> None:
    reply = DNSRecord.parse(server.datagram(DNSRecord.question("alias.shop.svc.cluster.local").pack(), PEER))
    assert [str(record.rname) for record in reply.rr] == [
        "alias.shop.svc.cluster.local.",
        "web.shop.svc.cluster.local.",
    ]


def test_pods_know_the_external_hosts_of_their_own_scenario(store: Store, server: NameServer) -> None:
    own = {"podIP": PEER[0], "podIPs": [{"ip": PEER[0]}]}
    store.create("pods", {"metadata": {"name": "web", "namespace": "shop"}, "spec": {}, "status": own})
    external_host(store, "hosts-1", "203.0.113.7", "shop,back")
    external_host(store, "hosts-2", "203.0.113.8", "other")
    assert ask(server, "db.example.com") == ("NOERROR", ["203.0.113.7"])
    assert ask(server, "DB.example.com", "AAAA") == ("NOERROR", [])
    reply = DNSRecord.parse(server.datagram(DNSRecord.question("db.example.com").pack(), ("10.244.0.77", 1)))
    assert sorted(str(record.rdata) for record in reply.rr) == ["203.0.113.7", "203.0.113.8"]


def test_a_host_that_names_no_namespaces_is_known_to_all(store: Store, server: NameServer) -> None:
    external_host(store, "hosts-1", "203.0.113.7", None)
    store.create("services", {"metadata": {"name": "ext", "namespace": "shop"}, "spec": alias("db.example.com")})
    assert ask(server, "ext.shop.svc.cluster.local") == ("NOERROR", ["db.example.com.", "203.0.113.7"])


def test_a_negative_answer_contains_the_zone(server: NameServer) -> None:
    reply = DNSRecord.parse(server.datagram(DNSRecord.question("x.shop.svc.cluster.local").pack(), PEER))
    assert [(str(record.rname), QTYPE.get(record.rtype)) for record in reply.auth] == [("cluster.local.", "SOA")]


@pytest.mark.parametrize("payload", [b"", b"\x12", b"\x12\x34" + b"\xff" * 10, bytes(12), b"x" * 100])
def test_malformed_queries_are_format_errors(server: NameServer, payload: bytes) -> None:
    assert DNSRecord.parse(server.datagram(payload, PEER)).header.rcode == RCODE.FORMERR


def test_over_tcp_a_query_in_pieces_is_answered_when_complete(server: NameServer) -> None:
    query = DNSRecord.question("web.shop.svc.cluster.local").pack()
    framed = struct.pack("!H", len(query)) + query
    for cut in range(len(framed)):
        assert server.stream(framed[:cut], PEER, ended=False) is None
    answer = server.stream(framed, PEER, ended=False)
    assert answer is not None
    assert struct.unpack_from("!H", answer)[0] == len(answer) - 2
    assert str(DNSRecord.parse(answer[2:]).rr[0].rdata) == "10.96.1.1"


@given(st.binary(max_size=80))
@example(DNSRecord.question("a").pack()[:12] + b"\xc0\x0c\x00\x01\x00\x01")
def test_any_datagram_is_answered(payload: bytes) -> None:
    empty = Store(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), new_uid=str)
    header = struct.pack("!HHHHHH", 1, 0, 1, 0, 0, 0)
    assert NameServer(empty).datagram(payload, PEER)
    assert NameServer(empty).datagram(header + payload, PEER)


def test_a_long_answer_over_udp_is_marked_truncated_and_whole_over_tcp(store: Store, server: NameServer) -> None:
    endpoints = [{"addresses": [f"10.244.1.{number}"], "conditions": {"ready": True}} for number in range(1, 101)]
    metadata = {"name": "db-y", "namespace": "shop", "labels": {SERVICE_NAME_LABEL: "db"}}
    store.create("endpointslices", {"metadata": metadata, "endpoints": endpoints})
    query = DNSRecord.question("db.shop.svc.cluster.local").pack()
    assert DNSRecord.parse(server.datagram(query, PEER)).header.tc == 1
    answer = server.stream(struct.pack("!H", len(query)) + query, PEER, ended=False)
    assert answer is not None
    assert len(DNSRecord.parse(answer[2:]).rr) == 102


def with_records(store: Store, known_to: str | None, *records: DomainRecord) -> None:
    annotations = {} if known_to is None else {KNOWN_TO_ANNOTATION: known_to}
    metadata = {"name": "n", "namespace": "x", "labels": {DOMAIN_NAMES_LABEL: "true"}, "annotations": annotations}
    data = {"records": json.dumps([record.as_json() for record in records])}
    store.create("configmaps", {"metadata": metadata, "data": data})


def test_listed_names_are_answered_with_their_aliases_and_times_to_live(store: Store, server: NameServer) -> None:
    external_host(store, "x", "198.51.100.7", None)
    with_records(
        store,
        None,
        DomainRecord("www.example.org", alias="api.example.org", ttl=30),
        DomainRecord("api.example.org", ("203.0.113.7", "fd00::7", "db.example.com"), ttl=2),
    )
    assert ask(server, "API.example.org") == ("NOERROR", ["203.0.113.7", "198.51.100.7"])
    assert ask(server, "api.example.org", "AAAA") == ("NOERROR", ["fd00::7"])
    assert ask(server, "www.example.org") == ("NOERROR", ["api.example.org.", "203.0.113.7", "198.51.100.7"])
    reply = DNSRecord.parse(server.datagram(DNSRecord.question("www.example.org", "A").pack(), PEER))
    assert [record.ttl for record in reply.rr] == [30, 2, 2]
    assert ask(server, "example.org")[0] == "NXDOMAIN"


def test_a_name_of_a_hundred_addresses_is_answered_in_full_over_tcp(store: Store, server: NameServer) -> None:
    addresses = tuple(f"203.0.113.{number}" for number in range(1, 101))
    with_records(store, None, DomainRecord("many.example.org", addresses))
    query = DNSRecord.question("many.example.org", "A").pack()
    assert DNSRecord.parse(server.datagram(query, PEER)).header.tc
    answer = server.stream(struct.pack("!H", len(query)) + query, PEER, ended=False)
    assert answer is not None
    assert [str(record.rdata) for record in DNSRecord.parse(answer[2:]).rr] == [*addresses]


def test_listed_names_are_known_to_the_pods_of_their_scenario_only(store: Store, server: NameServer) -> None:
    metadata = {"name": "web", "namespace": "shop"}
    store.create("pods", {"metadata": metadata, "spec": {}, "status": {"podIPs": [{"ip": PEER[0]}]}})
    with_records(store, "other", DomainRecord("api.example.org", ("203.0.113.7",)))
    assert ask(server, "api.example.org")[0] == "NXDOMAIN"
