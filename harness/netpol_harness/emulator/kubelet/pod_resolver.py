"""Looks names up as a pod does: its search domains, its first name server, a query from its own network.

It only shortens the way of the common case. If there is no plain answer (the name is in /etc/hosts, does not exist, has
no IPv4 address, or the server is silent), it has none, and a program in the container finds out why.
"""

import asyncio
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dnslib import QTYPE, DNSError, DNSRecord

PORT = 53
_PATIENCE = 0.5
"""Seconds for an answer, after which the pod's program asks as often as its own resolver does."""
_DEFAULT_NDOTS = 1
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class ResolverConfiguration:
    """What resolv.conf and hosts say: the first name server, the search domains, ``ndots``, and the names in hosts."""

    server: str
    search: tuple[str, ...]
    ndots: int
    known: frozenset[str]

    @classmethod
    def parse(cls, files: Mapping[str, str]) -> "ResolverConfiguration":
        """Read the files of a pod, by path."""
        lines = [line.split() for line in files["/etc/resolv.conf"].splitlines()]
        servers = [words[1] for words in lines if words[:1] == ["nameserver"]]
        search = next((tuple(words[1:]) for words in lines if words[:1] == ["search"]), ())
        options = [option for words in lines if words[:1] == ["options"] for option in words[1:]]
        ndots = next((option[6:] for option in options if option.startswith("ndots:")), "")
        known = {name for line in files["/etc/hosts"].splitlines() for name in line.split()[1:]}
        return cls(servers[0], search, int(ndots) if ndots.isdecimal() else _DEFAULT_NDOTS, frozenset(known))

    def candidates(self, name: str) -> Iterator[str]:
        """Yield the full names that a resolver tries for a name, in order."""
        if name.endswith("."):
            yield name
            return
        searched = [f"{name}.{domain}." for domain in self.search]
        yield from [f"{name}.", *searched] if name.count(".") >= self.ndots else [*searched, f"{name}."]


async def look_up(name: str, configuration: ResolverConfiguration, sock: socket.socket) -> str | None:
    """Return the IPv4 address of a name, or ``None`` if it has no plain answer.

    ``sock`` is a datagram socket of the pod, connected to the name server.
    """
    if name in configuration.known:
        return None
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_PATIENCE):
            for candidate in configuration.candidates(name):
                query = DNSRecord.question(candidate, "A")
                await loop.sock_sendall(sock, query.pack())
                reply = DNSRecord.parse(await loop.sock_recv(sock, _LONGEST))
                if reply.header.id != query.header.id or reply.header.tc:
                    return None
                if addresses := [str(record.rdata) for record in reply.rr if record.rtype == QTYPE.A]:
                    return addresses[0]
    except (OSError, DNSError, ValueError):  # TimeoutError is an OSError; a label may be too long
        return None
    return None
