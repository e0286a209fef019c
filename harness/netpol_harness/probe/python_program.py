"""The python script: probes many addresses at once by non-blocking sockets, and writes a frame for each. Runs in pods.

Its text is sent to the container's python3, so it is limited to Python 3.4 and to C modules, which start in 10 ms. The
kernel's state decides about a connection: one that was established in time counts even if this program checks late, and
its time is what the kernel measured. Codes are errno: 0 is an answer, ETIMEDOUT (110) silence. A stream with a payload
is a request: all that the server sends until it closes is the answer.
"""

import _socket
import resource
import select
import sys
import time

IN_PROGRESS = 115
SILENCE = 110
UNKNOWN = 255
MOST_AT_ONCE = 500
SPARE_DESCRIPTORS = 20
RESENDS = (0.33, 0.66)  # parts of the time-out after which a datagram is sent again
TCP_INFO_ROUND_TRIP = slice(68, 72)  # tcpi_rtt of linux/tcp.h, in microseconds
KINDS = {"tcp": (_socket.SOCK_STREAM, 0), "udp": (_socket.SOCK_DGRAM, 0), "sctp": (_socket.SOCK_STREAM, 132)}


class Connection:
    """One running probe. ``payload``: the datagram, or the request of a stream, empty for a stream without one.

    ``resends``: when to send a datagram again; ``received``: what a stream has answered so far.
    """

    def __init__(self, index: str, scheme: str, address: str, payload: bytes, timeout: float) -> None:
        self.index = index
        self.scheme = scheme
        self.payload = payload
        self.started = time.monotonic()
        self.ends = self.started + timeout
        self.resends = [self.started + timeout * part for part in RESENDS if payload and scheme == "udp"]
        self.waits_to_send = scheme != "udp"
        self.received = b""
        kind, protocol = KINDS[scheme]
        self.socket = _socket.socket(_socket.AF_INET6 if ":" in address else _socket.AF_INET, kind, protocol)
        self.socket.settimeout(0)

    def due(self) -> float:
        """Return when this attempt must be handled even without an event."""
        return self.resends[0] if self.resends else self.ends

    def connect(self, address: str, port: int) -> int:
        """Start, and return the errno: IN_PROGRESS if the answer is still to come."""
        code = int(self.socket.connect_ex((address, port)))
        if code or not self.payload:
            return code
        return IN_PROGRESS if self.waits_to_send else self.send()

    def send(self) -> int:
        """Send the datagram. The error of an earlier one shows up here, and is an answer."""
        try:
            self.socket.send(self.payload)
        except OSError as error:
            return error.errno or UNKNOWN
        return IN_PROGRESS

    def handshake(self) -> float:
        """Return when a TCP connection was established, however late this program checks."""
        info = self.socket.getsockopt(_socket.IPPROTO_TCP, _socket.TCP_INFO, 104)
        return self.started + int.from_bytes(info[TCP_INFO_ROUND_TRIP], sys.byteorder) / 1000000

    def outcome(self) -> "tuple[int, bytes]":
        """Return (errno, data) of a socket that is ready."""
        code = self.socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
        if code or not self.payload:
            return code, b""
        if self.waits_to_send:
            self.waits_to_send = False
            return self.send(), b""
        try:
            data = self.socket.recv(2048)
        except OSError as error:
            return error.errno or UNKNOWN, self.received
        self.received += data
        return (IN_PROGRESS if data and self.scheme != "udp" else 0), self.received


class Prober:
    """All running probes, by descriptor."""

    def __init__(self, nonce: str, timeout: float) -> None:
        self.nonce = nonce
        self.timeout = timeout
        self.poll = select.poll()
        self.running = {}  # type: dict[int, Connection]

    def run(self, jobs: "list[tuple[str, str, str, int, bytes]]") -> None:
        """Run all jobs: (index, scheme, address, port, payload)."""
        limit = min(MOST_AT_ONCE, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_DESCRIPTORS)
        waiting = jobs[::-1]
        while waiting or self.running:
            while waiting and len(self.running) < limit:
                self.start(*waiting.pop())
            self.step()

    def start(self, index: str, scheme: str, address: str, port: int, payload: bytes) -> None:
        """Start one attempt, and finish it if it is answered at once."""
        try:
            attempt = Connection(index, scheme, address, payload, self.timeout)
        except OSError as error:
            now = time.monotonic()
            self.write(index, (now, now), error.errno or UNKNOWN, b"")
            return
        code = attempt.connect(address, port)
        descriptor = attempt.socket.fileno()
        self.running[descriptor] = attempt
        self.poll.register(descriptor, select.POLLOUT if attempt.waits_to_send else select.POLLIN)
        if code != IN_PROGRESS:
            self.finish(descriptor, code, b"")

    def step(self) -> None:
        """Wait for the next event or time-out. Events come first: an answer before the time-out counts."""
        now = time.monotonic()
        due = [attempt.due() for attempt in self.running.values()]
        for descriptor, _ in self.poll.poll(max(0, int((min(due) - now) * 1000) + 1) if due else 0):
            code, data = self.running[descriptor].outcome()
            if code == IN_PROGRESS:
                self.poll.modify(descriptor, select.POLLIN)
            else:
                self.finish(descriptor, code, data)
        for descriptor, attempt in [item for item in self.running.items() if item[1].due() <= now]:
            code = SILENCE if attempt.ends <= now else attempt.send()
            del attempt.resends[:1]
            if code != IN_PROGRESS:
                self.finish(descriptor, 0 if attempt.received else code, attempt.received)

    def finish(self, descriptor: int, code: int, data: bytes) -> None:
        """Write the frame and close the socket."""
        attempt = self.running.pop(descriptor)
        self.poll.unregister(descriptor)
        ended = attempt.handshake() if code == 0 and attempt.scheme == "tcp" else time.monotonic()
        attempt.socket.close()
        self.write(attempt.index, (attempt.started, ended), code, data)

    def write(self, index: str, moments: "tuple[float, float]", code: int, data: bytes) -> None:
        """Write one frame, in the format of ``probe.plan.frames``."""
        head = " ".join((self.nonce, index, str(code)))
        times = " ".join(str(round(moment, 4)) for moment in moments)
        text = data.decode("latin-1").replace("\n", " ")[:600]
        sys.stdout.write("\n[" + head + " " + times + "\n" + text + "\n" + head + "]\n")


def own_addresses() -> str:
    """Return the addresses of this network, as in /proc/net."""
    addresses = []
    node = ""
    try:
        with open("/proc/net/fib_trie") as file:
            for line in file:
                words = line.split()
                if words[0] == "|--":
                    node = words[1]
                elif words[0] == "/32" and words[-1] == "LOCAL" and node not in addresses:
                    addresses.append(node)
        with open("/proc/net/if_inet6") as file:
            addresses += [line.split()[0] for line in file]
    except OSError:
        pass
    return " ".join(addresses)


def main(nonce: str, timeout: float, jobs: "list[tuple[str, str, str, int, bytes]]") -> None:
    """Run ``jobs`` under ``nonce``, each for ``timeout`` seconds."""
    prober = Prober(nonce, timeout)
    prober.write("self", (0.0, 0.0), 0, own_addresses().encode())
    prober.run(jobs)
    sys.stdout.flush()
