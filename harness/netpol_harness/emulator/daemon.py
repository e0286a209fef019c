"""The composition root of one cluster: it creates the components, connects them, and announces when they are ready.

It is process 1 of its own process tree, with everything on one event loop. Only nftables transactions and the start of
processes happen on other threads. It ends when a lifeline does (``launch``).
"""

import asyncio
import errno
import json
import logging
import os
import resource
import secrets
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from netpol_harness.emulator import controllers, dns
from netpol_harness.emulator.address_plan import PODS_PER_NODE, AddressPlan
from netpol_harness.emulator.agent.host import Agents, host_agent, read_program
from netpol_harness.emulator.apiserver import discovery
from netpol_harness.emulator.apiserver.admission import admit
from netpol_harness.emulator.apiserver.bootstrap import bootstrap
from netpol_harness.emulator.apiserver.catalog import Catalog
from netpol_harness.emulator.apiserver.custom import cluster_network_policy
from netpol_harness.emulator.apiserver.kubeconfig import kubeconfig
from netpol_harness.emulator.apiserver.lifecycle import Lifecycle
from netpol_harness.emulator.apiserver.request_log import RequestLog
from netpol_harness.emulator.apiserver.runtime import ExecStreams
from netpol_harness.emulator.apiserver.server import ApiServer
from netpol_harness.emulator.apiserver.server_log import SecretMaskingFormatter
from netpol_harness.emulator.control_plane import serve_inside
from netpol_harness.emulator.dataplane.conntrack import StaleFlows
from netpol_harness.emulator.dataplane.engine import CorrectEngine, PolicyEngine, ServicesOnly
from netpol_harness.emulator.kernel.netns import in_network
from netpol_harness.emulator.kernel.network import Network, Place, connected_nodes
from netpol_harness.emulator.kernel.nft import Nft
from netpol_harness.emulator.kubelet import podstatus
from netpol_harness.emulator.kubelet.kubelet import Kubelet
from netpol_harness.emulator.kubelet.sandboxes import Sandboxes
from netpol_harness.emulator.kubelet.spawn import Spawner
from netpol_harness.emulator.kubelet.tools import BUSYBOX, HostTools
from netpol_harness.emulator.options import RESTART_AGENT, DaemonHandles, EmulatorOptions
from netpol_harness.emulator.scheduler.scheduler import Scheduler
from netpol_harness.emulator.service_routes import ServiceRoutes
from netpol_harness.emulator.store import Key, Store
from netpol_harness.emulator.sync import Dataplane, Dataplanes
from netpol_harness.errors import ClusterFailed

_POD_USER = 65534  # nobody


def run(options: EmulatorOptions, handles: DaemonHandles) -> None:
    """Run the cluster until a lifeline ends. Raises ``ClusterFailed`` or ``ToolMissing`` if it cannot start."""
    token = secrets.token_urlsafe(24)
    _log_to(options.directory, token)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    asyncio.run(_run(options, handles, token))


async def _run(options: EmulatorOptions, handles: DaemonHandles, token: str) -> None:
    ended = _end_of(handles.lifelines)
    store = Store(now=lambda: datetime.now(UTC), new_uid=lambda: str(uuid.uuid4()))
    program = None if options.agent is None else read_program(options.agent)
    plan = AddressPlan.of(options.family)
    network = _network(plan, options.nodes, "" if program is None else program.interfaces)
    dataplanes = Dataplanes([_dataplane(store, place, network, options) for place in network.places])
    spawner, tools = Spawner(_POD_USER if handles.privileged else None), _tools(options, network)
    names = tuple(place.plan.name for place in network.places)
    if len(names) > 1:
        Scheduler(store, names)
        ServiceRoutes(store, network)
    servers = {dns.IMAGE: dns.NameServer(store)}
    kubelets = {
        place.plan.name: Kubelet(
            store,
            Sandboxes(place, network, hidden=tools.hidden, group=spawner.user or 0),
            spawner,
            settled=dataplanes.settled,
            servers=servers,
            tools=tools,
        )
        for place in network.places
    }
    runtime = ClusterRuntime(store, dataplanes, kubelets)
    catalog = Catalog(store, [cluster_network_policy.definition()] if program is None else [])
    lifecycle = Lifecycle(store, runtime, catalog)
    log = None if options.request_log is None else RequestLog(options.request_log, catalog)
    server = ApiServer(store, runtime, lifecycle, catalog, token=token, request_log=log)
    serve_inside(server, network.router)
    StaleFlows(store, kubelets[names[0]].flush_conntrack)
    controllers.start(store, lifecycle.delete_with_dependents, catalog)
    _populate(store, network, "embedded" if program is None else program.title)
    await runtime.idle()
    await dataplanes.settled()
    await server.serve(handles.listener)
    agent = None
    if program is not None:
        agent = await host_agent(program, server, network, spawner, token=token, directory=options.directory)
    restart = dataplanes.restart_engine if agent is None else agent.restart
    asyncio.get_running_loop().add_signal_handler(RESTART_AGENT, restart)
    _write_privately(options.kubeconfig, kubeconfig(handles.listener.getsockname()[1], token, name=options.name))
    os.write(handles.announce, b"1")
    await _end(ended, agent)


async def _end(ended: asyncio.Event, agent: Agents | None) -> None:
    """Wait for the end of the cluster. Raises ``ClusterFailed`` if its agent ends before."""
    ends: list[asyncio.Future[Any]] = [asyncio.ensure_future(ended.wait())]
    if agent is not None:
        ends.append(asyncio.ensure_future(agent.failure()))
    for end in (await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED))[0]:
        end.result()


class ClusterRuntime:
    """The data planes and the kubelets, by node, as the API server sees them (``apiserver.runtime.Runtime``).

    A pod without a node is looked after by the first kubelet.
    """

    def __init__(self, store: Store, dataplanes: Dataplanes, kubelets: Mapping[str, Kubelet]) -> None:
        self._store = store
        self._dataplanes = dataplanes
        self._kubelets = kubelets

    async def idle(self) -> None:
        """Return when every pod of the store has been started, or cannot be."""
        for kubelet in self._kubelets.values():
            await kubelet.idle()

    async def settled(self) -> None:
        """Return when every node's data plane enforces the store's current state."""
        await self._dataplanes.settled()

    async def exec(self, pod: Mapping[str, Any], container: str, argv: Sequence[str], streams: ExecStreams) -> int:
        """Run a command in the pod and return its exit code."""
        return await self._of(pod).exec(pod, container, argv, streams)

    async def attach(self, pod: Mapping[str, Any], container: str, streams: ExecStreams) -> None:
        """Connect a client with the container's program."""
        await self._of(pod).attach(pod, container, streams)

    async def dial(self, pod: Mapping[str, Any], port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a port inside the pod."""
        return await self._of(pod).dial(pod, port)

    async def logs(self, pod: Mapping[str, Any], container: str) -> bytes:
        """Return what the container has written so far."""
        return await self._of(pod).logs(pod, container)

    def delete_pod(self, key: Key, grace_seconds: int) -> None:
        """Stop the pod, then remove it from the store."""
        self._of(self._store.find(key) or {}).delete_pod(key, grace_seconds)

    def _of(self, pod: Mapping[str, Any]) -> Kubelet:
        """Return the kubelet of the pod's node."""
        first = next(iter(self._kubelets.values()))
        return self._kubelets.get((pod.get("spec") or {}).get("nodeName") or "", first)


def _dataplane(store: Store, place: Place, network: Network, options: EmulatorOptions) -> Dataplane:
    """Return the data plane of a node, which enforces policies unless an agent does."""
    with in_network(place.node.network, place.node.home.net):
        tables = Nft()
    engine = ServicesOnly() if options.agent else _policy_engine(options.mutant)
    return Dataplane(store, tables, engine, "" if len(network.places) == 1 else place.plan.name)


def _policy_engine(mutant: str) -> PolicyEngine:
    if not mutant:
        return CorrectEngine()
    from netpol_harness.emulator.faults import MutatedEngine, named  # imported here because they are rarely needed

    return MutatedEngine(named(mutant))


def _tools(options: EmulatorOptions, network: Network) -> HostTools:
    node = network.places[0].node
    if options.tools == BUSYBOX and not node.has_busybox:
        raise ClusterFailed("pods cannot get busybox's tools: this host has no busybox; install it")
    return HostTools(options.hidden_tools, options.tools, has_busybox=node.has_busybox)


def _network(plan: AddressPlan, nodes: int, interfaces: str) -> Network:
    try:
        return connected_nodes(plan, [plan.node(index) for index in range(nodes)], interfaces)
    except OSError as problem:
        name = errno.errorcode.get(problem.errno or 0, "?")
        needs = "it needs Linux 5.12 or newer with veth, and --privileged in a container"
        raise ClusterFailed(
            f"cannot set up the nodes ({problem.filename}: {name} {problem.strerror}); {needs}"
        ) from problem


def _populate(store: Store, network: Network, dataplane: str) -> None:
    """Create the initial objects of a cluster: namespaces, its nodes, and the name server.

    ``dataplane`` is the name and version of what enforces policies.
    """
    bootstrap(store, network.plan)
    system = os.uname()
    version = {
        "architecture": discovery.ARCHITECTURES.get(system.machine, system.machine),
        "kernel": system.release,
        "system": "netpol-harness embedded cluster",
        "kubernetes": discovery.version()["gitVersion"],
        "dataplane": dataplane,
    }
    for place in network.places:
        store.create("nodes", podstatus.node(place.plan, store.timestamp(), PODS_PER_NODE, version))
    store.create("services", admit(store, "services", dns.service(network.plan)))
    store.create("pods", admit(store, "pods", dns.pod()))


def _end_of(lifelines: Sequence[int]) -> asyncio.Event:
    """Return an event that is set when one of the descriptors reads end of file."""
    ended = asyncio.Event()

    def read(descriptor: int) -> None:
        with suppress(BlockingIOError):
            if not os.read(descriptor, 4096):
                ended.set()

    for descriptor in lifelines:
        asyncio.get_running_loop().add_reader(descriptor, read, descriptor)
    return ended


def _write_privately(path: Path, document: Mapping[str, Any]) -> None:
    """Write JSON (which is YAML) so that readers see all of it or nothing, and only the owner can read it."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(document, file, indent=1)
        draft.replace(path)
    except OSError as problem:
        raise ClusterFailed(f"cannot write the kubeconfig {path}: {problem.strerror}") from problem


def _log_to(directory: Path | None, secret: str) -> None:
    """Log to a file in the directory, or to stderr, without the secret."""
    target = None if directory is None else directory / "daemon.log"
    try:
        handler = logging.StreamHandler() if target is None else logging.FileHandler(target)
    except OSError as problem:
        raise ClusterFailed(f"cannot write the log {target}: {problem.strerror}") from problem
    handler.setFormatter(SecretMaskingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s", secret))
    logging.basicConfig(handlers=[handler])
