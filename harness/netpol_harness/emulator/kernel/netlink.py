"""Raw rtnetlink: links, addresses, routes and neighbours in a handful of messages (rtnetlink(7)).

A pod costs about a millisecond this way; one process per step would take twenty. Every builder returns one finished
``Request``. ``Netlink`` sends many at once and checks every acknowledgement. The caller chooses the indexes of
interfaces, so nothing is ever looked up.
"""

import os
import socket
import struct
from dataclasses import dataclass
from itertools import count


class NetlinkFailed(OSError):
    """A request that the kernel refused. ``filename`` describes it."""


@dataclass(frozen=True, slots=True)
class Request:
    """One message without its header: rtnetlink type, extra flags, payload. ``description`` is for the error text."""

    kind: int
    flags: int
    payload: bytes
    description: str


@dataclass(frozen=True, slots=True)
class End:
    """One end of a veth pair. ``mac`` is six bytes."""

    name: str
    index: int
    mac: bytes


class Netlink:
    """A netlink socket of the calling thread's network namespace, usable from every thread afterwards.

    ``family`` is the netlink family; the default is for links, addresses and routes.
    """

    def __init__(self, family: int = socket.NETLINK_ROUTE) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, family)
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_CAP_ACK, 1)
        self._numbers = count(1)

    def __enter__(self) -> "Netlink":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def send(self, *requests: Request) -> None:
        """Have the kernel carry out ``requests`` in order. Raises ``NetlinkFailed`` for the first one it refuses."""
        pending = {next(self._numbers): request for request in requests}
        self._socket.send(b"".join(_framed(number, request) for number, request in pending.items()))
        failures: list[NetlinkFailed] = []
        while pending:
            for number, errno in _acknowledgements(self._socket.recv(65536)):
                request = pending.pop(number)
                if errno:
                    failures.append(NetlinkFailed(errno, os.strerror(errno), request.description))
        if failures:
            raise failures[0]


def veth(near: End, far: End, namespace: int) -> Request:
    """Create a veth pair: ``near`` in the socket's namespace, ``far`` in the one behind descriptor ``namespace``."""
    peer = _interface(far.index) + _end(far) + _attribute(_IFLA_NET_NS_FD, struct.pack("I", namespace))
    data = _attribute(_IFLA_INFO_DATA, _attribute(_VETH_INFO_PEER, peer))
    info = _attribute(_IFLA_LINKINFO, _attribute(_IFLA_INFO_KIND, b"veth") + data)
    return Request(_RTM_NEWLINK, _CREATE, _interface(near.index) + _end(near) + info, f"make interface {near.name}")


def link_up(index: int) -> Request:
    """Set the interface up."""
    return Request(_RTM_NEWLINK, 0, _interface(index, _IFF_UP), f"set interface {index} up")


def no_link(index: int) -> Request:
    """Remove the interface, and the other end of its veth pair."""
    return Request(_RTM_DELLINK, 0, _interface(index), f"remove interface {index}")


def forwarding(index: int) -> Request:
    """Forward IPv4 packets that arrive at the interface. This needs no /proc/sys, which containers may see
    read-only.
    """
    setting = _attribute(_IFLA_INET_CONF, _attribute(_IPV4_DEVCONF_FORWARDING, struct.pack("I", 1)))
    return _configure(index, socket.AF_INET, setting, f"forward from interface {index}")


def without_link_local(index: int) -> Request:
    """Assign no IPv6 link-local address when the interface comes up, so no duplicate detection and no router
    solicitation.
    """
    setting = _attribute(_IFLA_INET6_ADDR_GEN_MODE, b"\x01")
    return _configure(index, socket.AF_INET6, setting, f"set interface {index} to have no link-local address")


def address(index: int, ip: str) -> Request:
    """Give the interface ``ip`` as a host address (/32 or /128). It is of use at once: nothing looks for duplicates."""
    packed = _packed(ip)
    body = struct.pack("BBBBI", _family(ip), 8 * len(packed), _IFA_F_NODAD if ":" in ip else 0, 0, index)
    attributes = _attribute(_IFA_ADDRESS, packed) + _attribute(_IFA_LOCAL, packed)
    return Request(_RTM_NEWADDR, _CREATE, body + attributes, f"add address {ip}")


def route(destination: str, index: int, *, gateway: str = "", source: str = "") -> Request:
    """Route ``destination`` (``address/n``) out of the interface, replacing an older route to it.

    A ``gateway`` counts as on the link, whatever the addresses are. ``source`` is this end's preferred address.
    """
    attributes = _attribute(_RTA_OIF, struct.pack("I", index))
    attributes += _attribute(_RTA_GATEWAY, _packed(gateway)) if gateway else b""
    attributes += _attribute(_RTA_PREFSRC, _packed(source)) if source else b""
    scope = _SCOPE_GLOBAL if gateway else _SCOPE_LINK
    payload = _route(destination, scope, _RTN_UNICAST, _RTNH_F_ONLINK if gateway else 0) + attributes
    return Request(_RTM_NEWROUTE, _CREATE_OR_REPLACE, payload, f"add route {destination}")


def no_route(destination: str, index: int) -> Request:
    """Remove the route to ``destination`` out of this interface."""
    payload = _route(destination, _SCOPE_NOWHERE, 0, 0) + _attribute(_RTA_OIF, struct.pack("I", index))
    return Request(_RTM_DELROUTE, 0, payload, f"remove route {destination}")


def unreachable_from(interface: str, version: int = 4) -> Request:
    """Answer packets of one IP version that arrive at the interface and are not for this namespace itself with ICMP:
    the network is unreachable.
    """
    body = struct.pack("8BI", _FAMILIES[version], 0, 0, 0, 0, 0, 0, _FR_ACT_UNREACHABLE, 0)
    payload = body + _attribute(_FRA_IIFNAME, interface.encode() + b"\0")
    return Request(_RTM_NEWRULE, _CREATE, payload, f"answer packets from {interface}")


def neighbour(index: int, ip: str, mac: bytes) -> Request:
    """Add a permanent neighbour: it needs no ARP and no neighbour discovery, and none of the 1,024 entries that the
    kernel's namespaces share.
    """
    body = struct.pack("BBHiHBB", _family(ip), 0, 0, index, _NUD_PERMANENT, 0, 0)
    attributes = _attribute(_NDA_DST, _packed(ip)) + _attribute(_NDA_LLADDR, mac)
    return Request(_RTM_NEWNEIGH, _CREATE_OR_REPLACE, body + attributes, f"add neighbour {ip}")


def no_datagrams_to(ip: str) -> Request:
    """Delete the conntrack entries of UDP flows that ``ip`` answers, also those that are translated to it
    (``NETFILTER``).

    An open flow keeps its translation for as long as it lives. kube-proxy does the same for endpoints that are gone.
    """
    source = _attribute(_CTA_IP_V6_SRC if ":" in ip else _CTA_IP_V4_SRC, _packed(ip))
    answering = _attribute(_NESTED | _CTA_TUPLE_IP, source)
    udp = _attribute(_NESTED | _CTA_TUPLE_PROTO, _attribute(_CTA_PROTO_NUM, bytes([socket.IPPROTO_UDP])))
    flags = struct.pack("I", _CTA_FILTER_IP_SRC | _CTA_FILTER_PROTO_NUM)
    compared = _attribute(_CTA_FILTER_ORIG_FLAGS, bytes(4)) + _attribute(_CTA_FILTER_REPLY_FLAGS, flags)
    payload = struct.pack("BBH", _family(ip), 0, 0)
    payload += _attribute(_NESTED | _CTA_TUPLE_REPLY, answering + udp) + _attribute(_NESTED | _CTA_FILTER, compared)
    return Request(_IPCTNL_MSG_CT_DELETE, 0, payload, f"flush conntrack entries to {ip}")


def _framed(number: int, request: Request) -> bytes:
    length = _NLMSGHDR.size + len(request.payload)
    header = _NLMSGHDR.pack(length, request.kind, _REQUEST_WITH_ACK | request.flags, number, 0)
    return header + request.payload + bytes(-length % 4)


def _acknowledgements(data: bytes) -> list[tuple[int, int]]:
    """Pairs of request number and errno (0 for success)."""
    acknowledgements, position = [], 0
    while position < len(data):
        length, kind, _, number, _ = _NLMSGHDR.unpack_from(data, position)
        if kind == _NLMSG_ERROR:
            acknowledgements.append((number, -struct.unpack_from("i", data, position + _NLMSGHDR.size)[0]))
        position += length + -length % 4
    return acknowledgements


def _attribute(kind: int, payload: bytes) -> bytes:
    length = 4 + len(payload)
    return struct.pack("HH", length, kind) + payload + bytes(-length % 4)


def _interface(index: int = 0, flags: int = 0) -> bytes:
    return struct.pack("BxHiII", socket.AF_UNSPEC, 0, index, flags, flags)


def _end(end: End) -> bytes:
    return _attribute(_IFLA_IFNAME, end.name.encode() + b"\0") + _attribute(_IFLA_ADDRESS, end.mac)


def _configure(index: int, family: int, setting: bytes, description: str) -> Request:
    payload = _interface(index) + _attribute(_IFLA_AF_SPEC, _attribute(family, setting))
    return Request(_RTM_SETLINK, 0, payload, description)


def _route(destination: str, scope: int, kind: int, flags: int) -> bytes:
    network, _, length = destination.partition("/")
    family = _family(destination)
    header = struct.pack("8BI", family, int(length), 0, 0, _TABLE_MAIN, _PROTOCOL_STATIC, scope, kind, flags)
    return header + _attribute(_RTA_DST, _packed(network))


def _family(address: str) -> socket.AddressFamily:
    return _FAMILIES[6 if ":" in address else 4]


def _packed(ip: str) -> bytes:
    return socket.inet_pton(_family(ip), ip)


NETFILTER = 12
"""Netlink family of requests about connections."""

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_NLMSGHDR = struct.Struct("IHHII")
_SOL_NETLINK, _NETLINK_CAP_ACK = 270, 10
_NLMSG_ERROR = 2
_REQUEST_WITH_ACK, _CREATE, _CREATE_OR_REPLACE = 0x005, 0x600, 0x500
_RTM_NEWLINK, _RTM_DELLINK, _RTM_SETLINK, _RTM_NEWADDR, _RTM_NEWROUTE, _RTM_DELROUTE = 16, 17, 19, 20, 24, 25
_RTM_NEWNEIGH, _RTM_NEWRULE = 28, 32
_IFF_UP = 1
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_LINKINFO, _IFLA_AF_SPEC, _IFLA_NET_NS_FD = 1, 3, 18, 26, 28
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _VETH_INFO_PEER = 1, 2, 1
_IFLA_INET_CONF, _IPV4_DEVCONF_FORWARDING, _IFLA_INET6_ADDR_GEN_MODE = 1, 1, 8
_IFA_ADDRESS, _IFA_LOCAL, _IFA_F_NODAD = 1, 2, 2
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PREFSRC = 1, 4, 5, 7
_RTN_UNICAST, _RTNH_F_ONLINK = 1, 4
_FRA_IIFNAME, _FR_ACT_UNREACHABLE = 3, 7
_SCOPE_GLOBAL, _SCOPE_LINK, _SCOPE_NOWHERE = 0, 253, 255
_TABLE_MAIN, _PROTOCOL_STATIC = 254, 4
_NDA_DST, _NDA_LLADDR, _NUD_PERMANENT = 1, 2, 0x80
_NESTED, _IPCTNL_MSG_CT_DELETE = 0x8000, 0x102
_CTA_TUPLE_REPLY, _CTA_FILTER, _CTA_TUPLE_IP, _CTA_TUPLE_PROTO = 2, 25, 1, 2
_CTA_IP_V4_SRC, _CTA_IP_V6_SRC, _CTA_PROTO_NUM = 1, 3, 1
_CTA_FILTER_ORIG_FLAGS, _CTA_FILTER_REPLY_FLAGS, _CTA_FILTER_IP_SRC, _CTA_FILTER_PROTO_NUM = 1, 2, 1, 8
