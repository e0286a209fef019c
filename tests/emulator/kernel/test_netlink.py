"""Raw rtnetlink messages: their framing, and their effect in the kernel, in namespaces of a separate process."""

import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

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
    ],
    ids=lambda request: request.description,
)
def test_every_request_has_a_description_and_is_aligned(request_: netlink.Request) -> None:
    assert request_.description
    assert len(request_.payload) % 4 == 0


@pytest.mark.live
def test_the_kernel_carries_out_the_messages() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[3] / "harness"), *sys.path])}
    result = subprocess.run([sys.executable, "-c", TRY], env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
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
