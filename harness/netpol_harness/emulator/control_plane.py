"""The machine of the API server, as pods see it: a host beside the nodes, behind the Service ``default/kubernetes``.

Most clusters have their API servers on machines without workloads, so that policies decide about connections to them.
The certificate is made at the first connection: that takes 0.2 s, and most clusters have none.
"""

import asyncio
import logging
import socket

from netpol_harness.emulator.address_plan import API_PORT, CONTROL_PLANE_ADDRESS, KUBERNETES_ADDRESS
from netpol_harness.emulator.apiserver.server import ApiServer
from netpol_harness.emulator.certificates import server_certificate
from netpol_harness.emulator.kernel.netns import in_network
from netpol_harness.emulator.kernel.node import NetworkNode
from netpol_harness.emulator.pod import is_external_host

log = logging.getLogger("netpol_harness.emulator")

_NAMES = (CONTROL_PLANE_ADDRESS, KUBERNETES_ADDRESS, "kubernetes", "kubernetes.default", "kubernetes.default.svc")


def serve_inside(server: ApiServer, node: NetworkNode) -> None:
    """Serve the API over TLS at an address of its own, from the first connection on.

    Raises ``OSError`` if the kernel refuses the network.
    """
    network = node.connect_network(CONTROL_PLANE_ADDRESS)
    with in_network(network, node.home.net):
        listener = socket.create_server((CONTROL_PLANE_ADDRESS, API_PORT), backlog=1024)
    listener.setblocking(False)  # noqa: FBT003 - the standard library's signature
    loop, starting = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    def start() -> None:
        loop.remove_reader(listener)
        starting.add(loop.create_task(_serve(server, listener)))

    loop.add_reader(listener, start)


async def _serve(server: ApiServer, listener: socket.socket) -> None:
    try:
        tls, _ = await asyncio.to_thread(server_certificate, _NAMES)
        await server.serve(listener, tls=tls, shows=lambda obj: not is_external_host(obj))
    except Exception:
        log.exception("the API cannot be served inside the cluster")
        listener.close()
