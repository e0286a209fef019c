"""What a UDP probe sends."""

import pytest

from netpol_harness.paths.path import Scheme
from netpol_harness.probe.plan.datagrams import datagram
from netpol_harness.probe.plan.question import Probe

TOKEN = "0123456789abcdef"


def test_a_name_server_gets_a_query_for_a_new_name() -> None:
    dnslib = pytest.importorskip("dnslib")
    record = dnslib.DNSRecord.parse(datagram(Probe(Scheme.UDP, "10.0.0.1", 53), TOKEN))
    assert str(record.q.qname) == f"{TOKEN}.cluster.local."
    assert record.header.rd == 1
