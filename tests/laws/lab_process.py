"""The process behind the ``lab`` fixture: nodes, pods and external hosts, with real packets between them.

It is started in new namespaces, with the number of nodes and the IP families as arguments. It answers each line of JSON
on stdin with a line of JSON on stdout, and exits at the end of stdin.

``{"hosts": [address], "ports": [number], "node": number}``
                                             create hosts that serve every port by TCP and UDP; they hang on a node, or
                                             with ``null`` outside of all
``{"apply": text, "node": number}``          one nftables transaction
``{"flush": true}``                          delete all rules
``{"list": true}``                           the rules in force on the first node, libnftables JSON
``{"probe": [[from, to, protocol, port]], "patience": seconds}``
                                             all at once; each ``connected``, ``refused`` or ``silent``
``{"flow": [from, to, port]}``               the same by UDP on a socket that stays open from call to call
"""

import json
import os
import selectors
import socket
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from netpol_harness.emulator.address_plan import AddressPlan
from netpol_harness.emulator.kernel.netns import Contents, in_network
from netpol_harness.emulator.kernel.network import Place, connected_nodes
from netpol_harness.emulator.kernel.nft import Nft
from netpol_harness.ip_family import IpFamily

BACKLOG = 256
PATIENCE = 0.1


class Lab:
    def __init__(self, nodes: int, plan: AddressPlan) -> None:
        self._network = connected_nodes(plan, [plan.node(index) for index in range(nodes)])
        self._home = self._network.places[0].node.home.net
        self._nfts = [*map(self._nft, self._network.places)]
        self._networks = {place.plan.address: place.node.network for place in self._network.places}
        self._listeners: list[socket.socket] = []
        self._flows: dict[tuple[str, str, int], socket.socket] = {}

    def _nft(self, place: Place) -> Nft:
        with in_network(place.node.network, self._home):
            return Nft()

    def answer(self, request: Mapping[str, Any]) -> Any:
        match request:
            case {"hosts": addresses, "ports": ports, "node": number}:
                for address in addresses:
                    self._add(address, ports, number)
            case {"apply": text, "node": number}:
                self._nfts[number].apply(text)
            case {"flush": True}:
                for nft in self._nfts:
                    nft.apply("flush ruleset")
            case {"list": True}:
                return self._nfts[0].listing()
            case {"probe": probes, "patience": patience}:
                return self._probe(probes, patience)
            case {"flow": [source, target, port]}:
                return self._flow(source, target, port)
        return None

    def _add(self, address: str, ports: Iterable[int], number: int | None) -> None:
        router = self._network.router
        node = router if number is None else self._network.places[number].node
        sandbox = node.sandbox([address], Contents(hostname="host"))
        if node is not router:
            router.lead_to(node, [address])
        self._networks[address] = sandbox.namespaces.net
        for port in ports:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                listener = self._socket(address, kind)
                listener.bind((address, port))
                if kind == socket.SOCK_STREAM:
                    listener.listen(BACKLOG)
                self._listeners.append(listener)

    def _socket(self, address: str, kind: socket.SocketKind) -> socket.socket:
        """Open a socket in the network of the host or the node, or in that of the first node for any other address."""
        with in_network(self._networks.get(address, self._home), self._home):
            new_socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
        new_socket.settimeout(0)
        return new_socket

    def _probe(self, probes: list[tuple[str, str, str, int]], patience: float) -> list[str]:
        with selectors.EpollSelector() as waiting:
            for listener in self._listeners:
                waiting.register(listener, selectors.EVENT_READ, None)
            outcomes = ["silent"] * len(probes)
            sockets = [self._start(waiting, number, probe) for number, probe in enumerate(probes)]
            left, end = len(probes), time.monotonic() + patience
            while left and (rest := end - time.monotonic()) > 0:
                for key, _ in waiting.select(rest):
                    if key.data is None:
                        serve(key.fileobj)
                    else:
                        waiting.unregister(key.fileobj)
                        outcomes[key.data] = outcome(key.fileobj)
                        left -= 1
        for probing in sockets:
            probing.close()
        return outcomes

    def _flow(self, source: str, target: str, port: int) -> str:
        flow = self._flows.get((source, target, port))
        if flow is None:
            flow = self._flows[source, target, port] = self._socket(source, socket.SOCK_DGRAM)
            flow.connect((target, port))
        flow.send(b"flow")
        with selectors.EpollSelector() as waiting:
            for sock in (*self._listeners, flow):
                waiting.register(sock, selectors.EVENT_READ)
            while ready := waiting.select(PATIENCE):
                for key, _ in ready:
                    if key.fileobj is flow:
                        flow.recv(64)
                        return "connected"
                    serve(key.fileobj)
        return "silent"

    def _start(self, waiting: selectors.EpollSelector, number: int, probe: tuple[str, str, str, int]) -> socket.socket:
        source, target, protocol, port = probe
        stream = protocol == "TCP"
        probing = self._socket(source, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
        error = probing.connect_ex((target, port))
        if not stream and not error:
            with suppress(OSError):  # a refusal on the node itself is immediate; SO_ERROR has it too
                probing.send(b"probe")
        waiting.register(probing, selectors.EVENT_WRITE if stream else selectors.EVENT_READ, number)
        return probing


def serve(listener: Any) -> None:
    """Answer all that is pending at a listener."""
    try:
        while True:
            if listener.type == socket.SOCK_STREAM:
                listener.accept()[0].close()
            else:
                listener.sendto(*listener.recvfrom(64))
    except BlockingIOError:
        return
    except OSError:  # an answer that cannot be sent shows at the client
        return


def outcome(sock: Any) -> str:
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return "refused" if error else "connected"


def main() -> None:
    lab = Lab(int(sys.argv[1]), AddressPlan.of(IpFamily(sys.argv[2])))
    for line in sys.stdin:
        try:
            answer = {"ok": lab.answer(json.loads(line))}
        except Exception as error:  # noqa: BLE001 - the test fails with any error
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
