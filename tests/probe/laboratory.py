"""One network namespace with listeners, drops and rejects, for tests; run as a program under ``unshare --net --mount``.

Says ``ready`` on standard output, and lives until its standard input ends.
"""

import pathlib
import socket
import sys
import threading
from collections.abc import Callable

from dnslib import QTYPE, RCODE, RR, A, DNSRecord

from netpol_harness.emulator.kernel import netlink
from netpol_harness.emulator.kernel.nft import Nft
from netpol_harness.emulator.kernel.syscalls import Mount, mount

LOOPBACK = 1
ADDRESS = "10.9.0.1"
RULES = """
table inet t {
  chain i {
    type filter hook input priority 0
    tcp dport 81 drop
    udp dport 81 drop
    tcp dport 82 reject with tcp reset
    udp dport 83 reject with icmpx port-unreachable
    tcp dport 84 reject with icmpx host-unreachable
  }
}
"""


def not_found(connection: socket.socket) -> None:
    """Answer an HTTP request."""
    connection.recv(999)
    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


def main(resolver: pathlib.Path) -> None:
    """Set everything up, say so, and wait for the end."""
    with netlink.Netlink() as kernel:
        kernel.send(netlink.link_up(LOOPBACK), netlink.address(LOOPBACK, ADDRESS))
    Nft().apply(RULES)
    resolver.write_text(f"nameserver {ADDRESS}\noptions attempts:1\n")
    mount(str(resolver), "/etc/resolv.conf", flags=Mount.BIND)
    listen(80, not_found)
    listen(90, lambda c: c.sendall(b"hello\n"))
    listen(92, lambda c: c.recv(999))
    datagrams(5353, lambda data: data.removeprefix(b"echo "))
    datagrams(53, answer)
    datagrams(5354, lambda data: data.removeprefix(b"echo "), answering_from="127.0.0.1")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()


def listen(port: int, serve: Callable[[socket.socket], object]) -> None:
    """Serve one connection after the other."""
    server = socket.create_server(("0.0.0.0", port), backlog=512)

    def forever() -> None:
        while True:
            with server.accept()[0] as connection:
                connection.settimeout(60)
                try:
                    serve(connection)
                except OSError:
                    continue

    threading.Thread(target=forever, daemon=True).start()


def datagrams(port: int, reply: Callable[[bytes], bytes], answering_from: str = "") -> None:
    """Answer each datagram, unless with nothing, from where it was sent to or from another address."""
    server = socket.socket(type=socket.SOCK_DGRAM)
    server.bind((ADDRESS if answering_from else "0.0.0.0", port))
    answering = socket.socket(type=socket.SOCK_DGRAM) if answering_from else server
    if answering_from:
        answering.bind((answering_from, port))

    def forever() -> None:
        while True:
            data, peer = server.recvfrom(2048)
            if back := reply(data):
                answering.sendto(back, peer)

    threading.Thread(target=forever, daemon=True).start()


def answer(data: bytes) -> bytes:
    """``good`` has an address, ``silent`` is never answered, nothing else exists."""
    query = DNSRecord.parse(data)
    name, reply = str(query.q.qname).rstrip("."), query.reply()
    if name == "silent":
        return b""
    if name != "good":
        reply.header.rcode = RCODE.NXDOMAIN
    elif query.q.qtype == QTYPE.A:
        reply.add_answer(RR(name, QTYPE.A, rdata=A(ADDRESS), ttl=1))
    return bytes(reply.pack())


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
