"""Waits for the addresses of load balancers, which a cluster's controller gives to Services some time after they exist.

Clusters without such a controller never do, so a Service that got none in time is not waited for again.
"""

from collections.abc import Iterable
from typing import Protocol

from netpol_harness.deadline import Deadline
from netpol_harness.kube.wait import polls
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import NamespacedName, ObjectKey
from netpol_harness.model.services import Service
from netpol_harness.paths.ends import LoadBalancerTarget
from netpol_harness.paths.path import Path
from netpol_harness.runner.snapshot import ClusterSnapshot
from netpol_harness.timeouts import Timeouts


class Objects(Protocol):
    """The live objects of a cluster, as ``kube.client.Client`` gives them."""

    def find(self, key: ObjectKey) -> JsonObject | None:
        """Return an object, ``None`` if it does not exist. Raises ``ApiError``."""


class LoadBalancers:
    """The load balancers of one scenario's Services."""

    def __init__(self, objects: Objects, timeouts: Timeouts) -> None:
        self._objects = objects
        self._timeouts = timeouts
        self._without: frozenset[NamespacedName] = frozenset()

    def wait(self, paths: Iterable[Path], snapshot: ClusterSnapshot) -> bool:
        """Wait until the Services that these paths reach by a load balancer have an address, if they lack it.

        Return whether there was anything to wait for. A path itself reports that there is still no address.
        """
        refs = {snapshot.real(path.target.ref) for path in paths if isinstance(path.target, LoadBalancerTarget)}
        services = filter(None, map(snapshot.world.services.get, refs))
        missing = frozenset(s.ref for s in services if not _reached(s)) - self._without
        if not missing:
            return False
        for _ in polls(Deadline(self._timeouts.ready), self._timeouts.interval):
            missing = frozenset(filter(self._has_none, missing))
            if not missing:
                break
        self._without |= missing
        return True

    def _has_none(self, ref: NamespacedName) -> bool:
        data = self._objects.find(ObjectKey("v1", "Service", ref.namespace, ref.name))
        return data is not None and not _reached(Service.parse(data))


def _reached(service: Service) -> bool:
    return bool(service.outside_addresses or service.load_balancer_proxies)
