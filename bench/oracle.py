"""The oracle on closed worlds: all pairs of pods, as many policies as pods, four ports; by sets and pair by pair."""

import time
from ipaddress import ip_network

from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction, NamespacedName, Port, Protocol
from netpol_harness.model.objects import ContainerPort, Namespace, Pod, World
from netpol_harness.model.policy import IPBlock, NetworkPolicy, PodPeer, PolicyPort, Rule
from netpol_harness.oracle.judge import Oracle
from netpol_harness.oracle.verdict import Flow

SIZES = (100, 300, 1000, 3000)
PORTS = tuple(Port(protocol, number) for protocol in (Protocol.TCP, Protocol.UDP) for number in (53, 8080))
NAMESPACES, APPS, TIERS, TEAMS = 20, 50, 3, 7
SAMPLE = 200


def table(count: int) -> float:
    """Return the seconds for all pairs of so many pods, from the parsed world to the counts."""
    world = world_of(count)
    start = time.perf_counter()
    answers = Oracle(world).table(PORTS)
    for port in PORTS:
        answers.counts(port)
    return time.perf_counter() - start


def verdict(count: int) -> float:
    """Return the seconds for one verdict with its reasons among so many pods."""
    world = world_of(count)
    oracle, pods = Oracle(world), sorted(world.pods)
    flows = [Flow(pods[n % count], pods[n * 37 % count], PORTS[1]) for n in range(SAMPLE)]
    start = time.perf_counter()
    for flow in flows:
        oracle.judge(flow)
    return (time.perf_counter() - start) / SAMPLE


def world_of(count: int) -> World:
    """Return pods of 50 applications in 20 namespaces, and one policy with both directions for each pod."""
    namespaces = {f"ns{n}": Namespace(f"ns{n}", {"team": f"{n % TEAMS}"}) for n in range(NAMESPACES)}
    pods = [_pod(number) for number in range(count)]
    return World(namespaces, {pod.ref: pod for pod in pods}, {}, tuple(_policy(number) for number in range(count)))


def _pod(number: int) -> Pod:
    return Pod(
        ref=NamespacedName(f"ns{number % NAMESPACES}", f"pod-{number}"),
        labels={"app": f"{number % APPS}", "tier": f"{number % TIERS}", "name": f"pod-{number}"},
        ports=(ContainerPort(PORTS[1], "web"),),
        addresses=(f"10.244.{number >> 8}.{number & 255}",),
    )


def _policy(number: int) -> NetworkPolicy:
    """Return a policy for an application's pods, with port names, ranges, blocks and all kinds of selectors."""
    tier, team = LabelSelector.equal({"tier": f"{number % TIERS}"}), LabelSelector.equal({"team": f"{number % TEAMS}"})
    block = IPBlock(ip_network(f"10.244.{number % 12}.0/24"), (ip_network(f"10.244.{number % 12}.64/26"),))
    web, dns = PolicyPort(Protocol.TCP, "web"), PolicyPort(Protocol.UDP, 53)
    return NetworkPolicy(
        ref=NamespacedName(f"ns{number % NAMESPACES}", f"policy-{number}"),
        subject=LabelSelector.equal({"app": f"{number % APPS}"}),
        directions=frozenset(Direction),
        ingress=(Rule((PodPeer(team, tier), block), (web, dns)),),
        egress=(Rule((PodPeer(None, LabelSelector()), PodPeer(team, None)), (PolicyPort(Protocol.TCP, 8000, 9000),)),),
    )
