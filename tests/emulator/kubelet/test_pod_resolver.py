"""The quick look-up of names: which names are asked for, and that anything but a plain answer is none."""

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence

import pytest
from dnslib import QTYPE, RCODE, RR, A, DNSRecord

from netpol_harness.emulator.kubelet.pod_resolver import ResolverConfiguration, look_up

FILES = {
    "/etc/resolv.conf": "nameserver 10.96.0.10\nsearch x.svc.cluster.local cluster.local\noptions ndots:5\n",
    "/etc/hosts": "127.0.0.1\tlocalhost\n10.244.0.2\tweb\n",
}
CONFIGURATION = ResolverConfiguration.parse(FILES)


def test_the_files_are_read() -> None:
    expected = ResolverConfiguration(
        "10.96.0.10", ("x.svc.cluster.local", "cluster.local"), 5, frozenset({"localhost", "web"})
    )
    assert expected == CONFIGURATION
    without = {"/etc/resolv.conf": "nameserver 127.0.0.1\n", "/etc/hosts": ""}
    assert ResolverConfiguration.parse(without) == ResolverConfiguration("127.0.0.1", (), 1, frozenset())


@pytest.mark.parametrize(
    ("name", "tried"),
    [
        ("db", ["db.x.svc.cluster.local.", "db.cluster.local.", "db."]),
        ("a.b.c.d.e.f", ["a.b.c.d.e.f.", "a.b.c.d.e.f.x.svc.cluster.local.", "a.b.c.d.e.f.cluster.local."]),
        ("db.y.", ["db.y."]),
    ],
)
def test_search_domains_are_tried_as_a_resolver_does(name: str, tried: Sequence[str]) -> None:
    assert [*CONFIGURATION.candidates(name)] == tried


Answer = Callable[[DNSRecord], DNSRecord]


def looked_up(name: str, answer: Answer) -> tuple[str | None, list[str]]:
    """Look a name up at a name server on loopback. Return the address, and the names that the server was asked for."""
    asked: list[str] = []
    kinds = (socket.AF_INET, socket.SOCK_DGRAM)
    with socket.socket(*kinds) as server, socket.socket(*kinds) as client:
        server.bind(("127.0.0.1", 0))
        client.connect(server.getsockname())
        client.setblocking(False)  # noqa: FBT003 - the standard library's signature

        def serve() -> None:
            while data := server.recvfrom(512):
                if not data[0]:
                    return
                query = DNSRecord.parse(data[0])
                asked.append(str(query.q.qname))
                server.sendto(answer(query).pack(), data[1])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            return asyncio.run(look_up(name, CONFIGURATION, client)), asked
        finally:
            client.setblocking(True)  # noqa: FBT003
            client.send(b"")
            thread.join()


def absent(query: DNSRecord) -> DNSRecord:
    reply = query.reply()
    reply.header.rcode = RCODE.NXDOMAIN
    return reply


def known(query: DNSRecord) -> DNSRecord:
    if str(query.q.qname) != "db.cluster.local.":
        return absent(query)
    reply = query.reply()
    reply.add_answer(RR("db.cluster.local", QTYPE.A, rdata=A("10.96.0.7")))
    return reply


def of_another_query(query: DNSRecord) -> DNSRecord:
    reply = known(query)
    reply.header.id ^= 1
    return reply


def cut_off(query: DNSRecord) -> DNSRecord:
    reply = known(query)
    reply.header.tc = 1
    return reply


def test_the_first_name_with_an_address_counts() -> None:
    assert looked_up("db", known) == ("10.96.0.7", ["db.x.svc.cluster.local.", "db.cluster.local."])


@pytest.mark.parametrize("answer", [absent, of_another_query, cut_off])
def test_any_other_answer_is_none(answer: Answer) -> None:
    assert looked_up("db", answer)[0] is None


def test_a_name_of_etc_hosts_and_a_label_too_long_are_not_looked_up() -> None:
    assert looked_up("web", known) == (None, [])
    assert looked_up("x" * 64, known) == (None, [])
