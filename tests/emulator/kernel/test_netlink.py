"""Raw rtnetlink messages: their framing, and their effect in the kernel, in namespaces of a separate process."""

import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.emulator.kernel import netlink

TRY = """
import json, os, subprocess, sys
from netpol_harness.emulator.kernel import netlink, netns
from netpol_harness.emulator.launch import isolate
from netpol_harness.emulator.kernel.netlink import End, Netlink, NetlinkFailed
from netpol_harness.emulator.kernel.netns import Namespaces

isolate()
if child := os.fork():  # the first child is process 1, without which no other can be made
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
home = Namespaces.current()
there = netns.create_network(home)
near, far = End("near", 10, bytes.fromhex("020000000001")), End("far", 20, bytes.fromhex("020000000002"))
found = {}
with Netlink() as kernel:
    kernel.send(netlink.veth(near, far, there), netlink.link_up(10), netlink.address(10, "10.0.0.1"))
    kernel.send(netlink.route("10.9.0.0/16", 10, gateway="10.8.0.1", source="10.0.0.1"))
    kernel.send(netlink.neighbour(10, "10.8.0.1", far.mac), netlink.forwarding(10))
    try:
        kernel.send(netlink.link_up(1), netlink.link_up(99), netlink.address(10, "10.0.0.1"))
    except NetlinkFailed as problem:
        found["failure"] = [problem.strerror, problem.filename]
def ip(*words):
    return json.loads(subprocess.run(["ip", "-j", *words], capture_output=True, check=True).stdout or "[]")
found["link"] = ip("addr", "show", "near")
found["routes"] = ip("route")
found["neighbours"] = ip("neigh")
found["forwarding"] = open("/proc/sys/net/ipv4/conf/near/forwarding").read().strip()
with netns.in_network(there, home.net):
    found["far"] = ip("link", "show", "far")
with Netlink() as kernel:
    kernel.send(netlink.no_route("10.9.0.0/16", 10))
found["routes after"] = ip("route")
with Netlink() as kernel:
    kernel.send(netlink.link_up(10), netlink.address(10, "fd00::1"), netlink.neighbour(10, "fe80::1", far.mac))
    kernel.send(netlink.route("::/0", 10, gateway="fe80::1"), netlink.route("fd00::2/128", 10, source="fd00::1"))
    found["routes of IPv6"] = ip("-6", "route")
    kernel.send(netlink.no_route("fd00::2/128", 10), netlink.unreachable_from("near", 6))
found["address of IPv6"] = ip("-6", "addr", "show", "near")
found["later routes of IPv6"] = ip("-6", "route")
found["rules of IPv6"] = ip("-6", "rule")
print(json.dumps(found))
"""


def test_attributes_are_padded_to_four_bytes() -> None:
    request = netlink.neighbour(7, "10.0.0.1", b"\2\0\0\0\0\1")
    attributes = request.payload[12:]
    assert attributes[:8] == struct.pack("HH", 8, 1) + socket.inet_aton("10.0.0.1")
    assert attributes[8:] == struct.pack("HH", 10, 2) + b"\2\0\0\0\0\1" + b"\0\0"


@pytest.mark.parametrize(
    "request_",
    [
        netlink.link_up(1),
        netlink.forwarding(1),
        netlink.without_link_local(1),
        netlink.address(1, "10.0.0.1"),
        netlink.route("0.0.0.0/0", 1, gateway="10.0.0.1"),
        netlink.no_route("10.0.0.0/8", 1),
        netlink.unreachable_from("eth0"),
        netlink.neighbour(1, "10.0.0.1", bytes(6)),
        netlink.address(1, "fd00::1"),
        netlink.route("::/0", 1, gateway="fe80::1"),
        netlink.no_datagrams_to("fd00::1"),
    ],
    ids=lambda request: request.description,
)
def test_every_request_has_a_description_and_is_aligned(request_: netlink.Request) -> None:
    assert request_.description
    assert len(request_.payload) % 4 == 0


def attempt() -> Any:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[3] / "harness"), *sys.path])}
    result = subprocess.run([sys.executable, "-c", TRY], env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.live
def test_the_kernel_carries_out_the_messages() -> None:
    found = attempt()
    assert found["failure"] == ["No such device", "set interface 99 up"], "the first one refused"
    (link,) = found["link"]
    assert (link["ifindex"], link["address"]) == (10, "02:00:00:00:00:01")
    assert [entry["local"] for entry in link["addr_info"] if entry["family"] == "inet"] == ["10.0.0.1"]
    assert found["far"][0]["ifindex"] == 20
    (route,) = found["routes"]
    assert (route["dst"], route["gateway"], route["prefsrc"]) == ("10.9.0.0/16", "10.8.0.1", "10.0.0.1")
    assert found["neighbours"][0]["state"] == ["PERMANENT"]
    assert found["forwarding"] == "1"
    assert found["routes after"] == []


@pytest.mark.live
def test_the_kernel_carries_out_the_messages_about_ipv6() -> None:
    found = attempt()
    (address,) = [entry for entry in found["address of IPv6"][0]["addr_info"] if entry["scope"] == "global"]
    assert (address["local"], address["prefixlen"], address.get("nodad")) == ("fd00::1", 128, True)
    assert "tentative" not in address, "it is of use at once"
    routes = {route["dst"]: route for route in found["routes of IPv6"]}
    assert routes["default"]["gateway"] == "fe80::1"
    assert routes["fd00::2"]["prefsrc"] == "fd00::1"
    assert "fd00::2" not in {route["dst"] for route in found["later routes of IPv6"]}
    assert [rule["action"] for rule in found["rules of IPv6"] if rule.get("iif") == "near"] == ["unreachable"]
