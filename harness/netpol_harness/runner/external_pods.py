"""External hosts: machines outside the cluster, which reach it and are reached by address only.

The embedded cluster makes one out of a pod that carries an annotation: it has its own network, an address of a
documentation range (RFC 5737), and is no pod for policies, Services and the name server.
"""

from collections.abc import Iterable

from netpol_harness.model.json_object import JsonMapping
from netpol_harness.paths.path import ExternalHost
from netpol_harness.probe.ephemeral import IMAGE
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import EXTERNAL_NAMESPACE
from netpol_harness.wellknown import EXTERNAL_HOST_ANNOTATION


def external_objects(hosts: Iterable[ExternalHost], placement: Placement) -> tuple[JsonMapping, ...]:
    """The pods that stand for these hosts, in the cluster's names."""
    return tuple(placement.manifest(_host(host)) for host in hosts)


def _host(host: ExternalHost) -> JsonMapping:
    ports = [{"containerPort": p.port.number, "protocol": p.port.protocol.value} for p in host.ports]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": host.name,
            "namespace": EXTERNAL_NAMESPACE,
            "annotations": {EXTERNAL_HOST_ANNOTATION: host.address},
        },
        "spec": {"containers": [{"name": "host", "image": IMAGE, "args": ["pause"], "ports": ports}]},
    }
