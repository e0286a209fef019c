"""The oracle: the verdict on a flow by the text of networking.k8s.io/v1, and by a profile for what the text leaves
open.

A flow is allowed if the egress of its source and the ingress of its destination both allow it ("For a connection from a
source pod to a destination pod to be allowed, both the egress policy on the source pod and the ingress policy on the
destination pod need to allow the connection"). Pure.
"""

from collections.abc import Sequence

from netpol_harness.model.names import Direction, Port
from netpol_harness.model.objects import World
from netpol_harness.oracle.cluster_refusals import ClusterRefusal, ClusterRefusals
from netpol_harness.oracle.endpoints import EndpointIndex
from netpol_harness.oracle.points import SPECIFICATION, Profile
from netpol_harness.oracle.sides import SideJudge
from netpol_harness.oracle.table import AllPairs, all_pairs
from netpol_harness.oracle.verdict import Flow, Verdict


class Oracle:
    """Verdicts for one world. Equal worlds and profiles give equal verdicts."""

    def __init__(self, world: World, profile: Profile = SPECIFICATION) -> None:
        self._world = world
        self._profile = profile
        self._endpoints = EndpointIndex(world)
        self._sides = SideJudge(world, profile, self._endpoints)
        self._refusals = ClusterRefusals(world, self._endpoints, profile)

    def judge(self, flow: Flow) -> Verdict:
        """Judge both sides of a flow, with the reasons. Raises ``ValueError`` if an address of an end is not valid."""
        return Verdict(flow, self._sides.judge(flow, Direction.EGRESS), self._sides.judge(flow, Direction.INGRESS))

    def cluster_refusals(self, flow: Flow, direction: Direction) -> tuple[ClusterRefusal, ...]:
        """Return the rules of ClusterNetworkPolicies that do not match one direction of a flow, with the reasons."""
        return self._refusals.of(flow, direction)

    def table(self, ports: Sequence[Port], version: int = 0) -> AllPairs:
        """Judge flows from every running pod to every running pod, by its own address, on each of these ports.

        ``version`` is the IP version of all flows, 0 if it is not known. Equals ``judge`` on every cell. Raises
        ``ValueError`` if an address of a pod is not valid.
        """
        return all_pairs(self._world, self._endpoints, self._profile, ports, version)
