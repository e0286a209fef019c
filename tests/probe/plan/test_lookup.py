import pytest

from netpol_harness.probe.plan.frames import LONGEST_MESSAGE
from netpol_harness.probe.plan.lookup import looked_up_addresses

NSLOOKUP = """\
Server:\t\t10.96.0.10
Address:\t10.96.0.10:53

Name:\tweb.shop.svc.cluster.local
Address: 10.96.0.7
"""
OLD_NSLOOKUP = """\
Server:    10.96.0.10
Address 1: 10.96.0.10 kube-dns.kube-system.svc.cluster.local

Name:      web
Address 1: 10.96.0.7 web.shop.svc.cluster.local
Address 2: fd00::7
"""


@pytest.mark.parametrize(
    ("output", "addresses"),
    [
        ("10.96.0.7 STREAM web\n10.96.0.7 DGRAM\n10.96.0.7 RAW", {"10.96.0.7"}),
        ("10.96.0.7   web.shop.svc.cluster.local 10.0.0.9", {"10.96.0.7"}),
        ("fd00:0::7 STREAM web\n10.96.0.7 STREAM", {"fd00::7", "10.96.0.7"}),
        ("::ffff:10.96.0.7 STREAM web", {"10.96.0.7"}),
        (NSLOOKUP, {"10.96.0.7"}),
        (OLD_NSLOOKUP, {"10.96.0.7", "fd00::7"}),
        ("Server:\t10.96.0.10\nAddress:\t10.96.0.10:53\n", set()),
        ("", set()),
    ],
)
def test_the_addresses_of_a_lookup_are_those_of_its_answer(output: str, addresses: set[str]) -> None:
    assert looked_up_addresses(output) == addresses


def test_the_last_line_of_an_output_that_may_be_cut_off_is_left_out() -> None:
    line = "10.96.0.7 STREAM web\n"
    whole = line * (LONGEST_MESSAGE // len(line))
    cut = whole + "10.96.0.77 STREAM web"[: LONGEST_MESSAGE - len(whole)]
    assert looked_up_addresses(cut.ljust(LONGEST_MESSAGE, "x")) == {"10.96.0.7"}
