"""The oracle: what should happen to a flow, by the text of networking.k8s.io/v1 and a profile for what it leaves open.

A flow passes where the egress of its source and the ingress of its destination both let it ("For a connection from a
source pod to a destination pod to be allowed, both the egress policy on the source pod and the ingress policy on the
destination pod need to allow the connection"). Pure.
"""

from collections.abc import Sequence

from netpol_harness.model.names import Direction, Port
from netpol_harness.model.objects import World
from netpol_harness.oracle.endpoints import EndpointIndex
from netpol_harness.oracle.points import SPECIFICATION, Profile
from netpol_harness.oracle.sides import Sides
from netpol_harness.oracle.table import AllPairs, all_pairs
from netpol_harness.oracle.verdict import Flow, Verdict


class Oracle:
    """Answers for one world. Asking changes nothing; equal worlds and profiles give equal answers."""

    def __init__(self, world: World, profile: Profile = SPECIFICATION) -> None:
        self._world = world
        self._profile = profile
        self._places = EndpointIndex(world)
        self._sides = Sides(world, profile, self._places)

    def judge(self, flow: Flow) -> Verdict:
        """Both sides of the flow with their reasons. Raises ``ValueError`` where an address of an end is none."""
        return Verdict(flow, self._sides.judge(flow, Direction.EGRESS), self._sides.judge(flow, Direction.INGRESS))

    def table(self, ports: Sequence[Port]) -> AllPairs:
        """Every running pod to every running pod, by its own address, on each of these ports.

        Equals ``judge`` on every cell. Raises ``ValueError`` where an address of a pod is none.
        """
        return all_pairs(self._world, self._places, self._profile, ports)
