"""The lower bound for probing: the same pods and listeners, and one process that opens all connections.

Run as ``python -m bench.floor PODS TIMEOUT``; prints one JSON object: seconds for all pairs open, and for half of the
targets dropped. No API, no exec, no policy engine: only the kernel and one Python loop.
"""

import errno
import json
import os
import select
import socket
import sys
import time
from collections.abc import Sequence

from netpol_harness.emulator import launch
from netpol_harness.emulator.kernel.netns import Contents, in_network
from netpol_harness.emulator.kernel.nft import Nft
from netpol_harness.emulator.kernel.node import NetworkNode, Sandbox

PORT = 8080
DROP = """
add table inet floor
add chain inet floor forward { type filter hook forward priority 0; policy accept; }
add rule inet floor forward ct direction reply accept
add rule inet floor forward ip daddr { %s } drop
"""


def measure(count: int, timeout: float) -> dict[str, float]:
    """Return the seconds for ``count`` x ``count`` connections, all open and half of them dropped."""
    node = NetworkNode()
    pods = [node.sandbox([f"10.244.0.{number + 1}"], Contents(f"pod-{number}")) for number in range(count)]
    listeners = [_listener(node, pod) for pod in pods]
    opened = min(_round(node, pods, listeners, timeout) for _ in range(3))
    Nft().apply(DROP % ", ".join(pod.address for pod in pods[: count // 2]))
    halved = min(_round(node, pods, listeners, timeout) for _ in range(3))
    return {"open": opened, "half": halved}


def _listener(node: NetworkNode, pod: Sandbox) -> socket.socket:
    with in_network(pod.namespaces.net, node.home.net):
        listener = socket.create_server(("", PORT), backlog=4096)
    listener.settimeout(0)
    return listener


def _round(node: NetworkNode, pods: Sequence[Sandbox], listeners: Sequence[socket.socket], timeout: float) -> float:
    """Connect from every pod to every pod, and return the seconds until the last answer or time-out."""
    start = time.perf_counter()
    poll = select.epoll()
    servers = {listener.fileno(): listener for listener in listeners}
    for descriptor in servers:
        poll.register(descriptor, select.EPOLLIN)
    pending: dict[int, socket.socket] = {}
    for pod in pods:
        with in_network(pod.namespaces.net, node.home.net):
            for target in pods:
                client = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
                if client.connect_ex((target.address, PORT)) == errno.EINPROGRESS:
                    pending[client.fileno()] = client
                    poll.register(client, select.EPOLLOUT)
        _serve(poll, 0.0, servers, pending)
    end = time.perf_counter() + timeout
    while pending and (left := end - time.perf_counter()) > 0:
        _serve(poll, left, servers, pending)
    taken = time.perf_counter() - start
    for client in pending.values():
        client.close()
    poll.close()
    return taken


def _serve(
    poll: select.epoll, wait: float, servers: dict[int, socket.socket], pending: dict[int, socket.socket]
) -> None:
    for descriptor, _ in poll.poll(wait):
        if descriptor in servers:
            _accept_all(servers[descriptor])
        else:
            poll.unregister(descriptor)
            pending.pop(descriptor).close()


def _accept_all(server: socket.socket) -> None:
    while True:
        try:
            server.accept()[0].close()
        except BlockingIOError:
            return


if __name__ == "__main__":
    launch.isolate()
    child = os.fork()  # the new process tree begins with the child
    if child == 0:
        print(json.dumps(measure(int(sys.argv[1]), float(sys.argv[2]))), flush=True)
        os._exit(0)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
