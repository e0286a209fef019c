import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.paths.path import Scheme
from netpol_harness.probe.plan.question import Probe


@pytest.mark.parametrize("host", ["web", "web.shop.svc.cluster.local.", "10.0.0.1", "fd00::1", "a_b-c.d", "x" * 63])
def test_names_and_addresses_are_hosts(host: str) -> None:
    assert Probe(Scheme.TCP, host, 80).host == host


@pytest.mark.parametrize(
    "host",
    [
        "",
        "-v",
        "a b",
        "a;reboot",
        "$(x)",
        "a'b",
        "a\n",
        "fe80::1%eth0",
        "a..b",
        ".a",
        "a-",
        "x" * 64,
        "[::1]",
        "ä",
        "a/b",
    ],
)
def test_nothing_else_is_a_host(host: str) -> None:
    with pytest.raises(ValueError, match="not a host name or an address"):
        Probe(Scheme.TCP, host, 80)


@given(st.text())
def test_a_host_is_never_more_than_letters_digits_and_three_signs(text: str) -> None:
    try:
        host = Probe(Scheme.TCP, text, 80).host
    except ValueError:
        return
    assert host.isascii()
    assert not host.startswith("-")
    assert all(character.isalnum() or character in ".-_:" for character in host)


@pytest.mark.parametrize(("scheme", "port"), [(Scheme.TCP, 0), (Scheme.UDP, 65536), (Scheme.ICMP, 1), (Scheme.TCP, -1)])
def test_ports_are_in_their_range(scheme: Scheme, port: int) -> None:
    with pytest.raises(ValueError, match="port"):
        Probe(scheme, "web", port)


@pytest.mark.parametrize(
    ("probe", "text", "by_name"),
    [
        (Probe(Scheme.TCP, "web", 80), "tcp://web:80", True),
        (Probe(Scheme.HTTP, "10.0.0.1", 80), "http://10.0.0.1:80", False),
        (Probe(Scheme.UDP, "fd00::1", 53), "udp://[fd00::1]:53", False),
    ],
)
def test_a_probe_is_written_as_a_url(probe: Probe, text: str, *, by_name: bool) -> None:
    assert (str(probe), probe.by_name) == (text, by_name)
