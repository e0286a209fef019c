"""The machine of the API server, as pods see it: a host beside the nodes, behind the Service ``default/kubernetes``.

Most clusters have their API servers on machines without workloads, so that policies decide about connections to them.
The certificate is made at the first connection: that takes 0.2 s, and most clusters have none.
"""

import asyncio
import logging
import socket
from collections.abc import Sequence

from netpol_harness.emulator.address_plan import API_PORT
from netpol_harness.emulator.apiserver.server import ApiServer
from netpol_harness.emulator.certificates import server_certificate
from netpol_harness.emulator.kernel.netns import in_network
from netpol_harness.emulator.kernel.node import NetworkNode
from netpol_harness.emulator.pod import is_external_host

log = logging.getLogger("netpol_harness.emulator")

_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")


def serve_inside(server: ApiServer, node: NetworkNode) -> None:
    """Serve the API over TLS at addresses of its own, from the first connection on.

    Raises ``OSError`` if the kernel refuses the network.
    """
    addresses = [family.control_plane for family in node.families]
    network = node.connect_network(addresses)
    with in_network(network, node.home.net):
        listener = _listener(node)
    listener.setblocking(False)  # noqa: FBT003 - the standard library's signature
    names = (*addresses, *(family.kubernetes for family in node.families), *_NAMES)
    loop, starting = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    def start() -> None:
        loop.remove_reader(listener)
        starting.add(loop.create_task(_serve(server, listener, names)))

    loop.add_reader(listener, start)


def _listener(node: NetworkNode) -> socket.socket:
    """Listen at all addresses of the calling thread's network, of both families if the node has IPv6."""
    if node.has_ipv6:
        return socket.create_server(("", API_PORT), family=socket.AF_INET6, dualstack_ipv6=True, backlog=1024)
    return socket.create_server(("", API_PORT), backlog=1024)


async def _serve(server: ApiServer, listener: socket.socket, names: Sequence[str]) -> None:
    try:
        tls, _ = await asyncio.to_thread(server_certificate, names)
        await server.serve(listener, tls=tls, shows=lambda obj: not is_external_host(obj))
    except Exception:
        log.exception("the API cannot be served inside the cluster")
        listener.close()
