"""A way into the node's network of an embedded cluster, where a test changes what the API does not know of."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

ACCEPT_AND = """
import socket, socketserver, struct, sys
family, port, answer = sys.argv[1:4]
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        if answer == "reset":
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        if answer == "close":
            return
        self.request.settimeout(1)
        try:
            self.request.recv(4096)
        except OSError:
            return
        if answer != "silent":
            body = f"{answer} from the proxy\\n".encode()
            head = f"HTTP/1.1 {answer} Proxied\\r\\nContent-Length: {len(body)}\\r\\nConnection: close\\r\\n\\r\\n"
            self.request.sendall(head.encode() + body)
class Datagrams(socketserver.BaseRequestHandler):
    def handle(self):
        data, server = self.request
        word, _, rest = data.partition(b" ")
        server.sendto(rest.strip() if word == b"echo" else data, self.client_address)
class Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
if family == "tcp":
    server = Tcp(("0.0.0.0", int(port)), Handler)
else:
    server = socketserver.ThreadingUDPServer(("0.0.0.0", int(port)), Datagrams)
print("ready", flush=True)
server.serve_forever()
"""
"""A server that accepts every connection, or answers every datagram."""

NAMES = """
import sys, socketserver
from dnslib import DNSRecord, RR, A, QTYPE, RCODE
port, answer = int(sys.argv[1]), sys.argv[2]
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        data, server = self.request
        query = DNSRecord.parse(data)
        reply = query.reply()
        if answer in ("NXDOMAIN", "SERVFAIL"):
            reply.header.rcode = getattr(RCODE, answer)
        elif query.q.qtype == QTYPE.A:
            reply.add_answer(RR(query.q.qname, QTYPE.A, rdata=A(answer), ttl=1))
        server.sendto(reply.pack(), self.client_address)
server = socketserver.ThreadingUDPServer(("0.0.0.0", port), Handler)
print("ready", flush=True)
server.serve_forever()
"""
"""A name server that has one answer to everything."""


TRANSACTION = "import sys; from netpol_harness.emulator.kernel.nft import Nft; Nft().apply(sys.stdin.read())"


@dataclass(frozen=True, slots=True)
class Wire:
    """The node's network namespace, entered through the cluster's process."""

    pid: int

    def run(self, *command: str, text: str = "") -> str:
        """Run a command there."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.pid), "-n", *command], input=text, capture_output=True, text=True, timeout=20
        )
        assert done.returncode == 0, f"{command}: {done.stderr}\n{text}"
        return done.stdout

    def lines(self, *command: str) -> list[list[str]]:
        """The words of each line that a command prints there."""
        return [line.split() for line in self.run(*command).splitlines()]

    def veth(self, address: str) -> str:
        """The node's end of the link to a pod's address."""
        words = self.run("ip", "-o", "route", "get", address).split()
        return words[words.index("dev") + 1]

    @contextmanager
    def rules(self, *rules: str, hook: str = "forward", priority: int = -350, kind: str = "filter") -> Iterator[None]:
        """Have nftables rules in force before every other."""
        chain = f"type {kind} hook {hook} priority {priority};"
        body = "\n".join(rules)
        self._nft(f"table ip liar {{\nchain lie {{\n{chain}\n{body}\n}}\n}}\n")
        try:
            yield
        finally:
            self._nft("delete table ip liar\n")

    def redirected(self, rule: str) -> AbstractContextManager[None]:
        """Have a rule in force that changes where packets go, before Services do."""
        return self.rules(rule, hook="prerouting", priority=-150, kind="nat")

    def _nft(self, text: str) -> None:
        self.run(sys.executable, "-c", TRANSACTION, text=text)

    @contextmanager
    def serving(self, program: str, *arguments: str) -> Iterator[None]:
        """Have a server on the node."""
        command = ["nsenter", "-t", str(self.pid), "-n", sys.executable, "-c", program, *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
