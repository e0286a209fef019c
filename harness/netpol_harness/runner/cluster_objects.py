"""Objects of the cluster itself, on which paths and policies of a scenario depend."""

import logging
from collections.abc import Iterator, Sequence

from netpol_harness.errors import ApiError
from netpol_harness.kube.client import Client
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.names import NamespacedName, ObjectKey
from netpol_harness.wellknown import SERVICE_NAME_LABEL

log = logging.getLogger("netpol_harness.runner")

_FORBIDDEN = 403


def node_objects(client: Client) -> list[JsonMapping]:
    """Return the nodes as far as the user may see them: none if the API refuses."""
    try:
        return [{"kind": "Node", **node} for node in client.list("v1", "Node")]
    except ApiError as error:
        log.info("the labels of nodes are not known: %s", error)
        return []


def services_of(client: Client, namespace: str, *, needed: bool) -> Sequence[JsonMapping]:
    """Return the Services of a namespace; none if the user may not list them, unless they are ``needed``.

    Raises ``ApiError``.
    """
    try:
        return client.list("v1", "Service", namespace=namespace)
    except ApiError as error:
        if error.code != _FORBIDDEN or needed:
            raise
        return ()


def service_objects(client: Client, ref: NamespacedName) -> Iterator[JsonMapping]:
    """Yield a Service and its EndpointSlices; nothing if there is no such Service. Raises ``ApiError``."""
    if (service := client.find(ObjectKey("v1", "Service", ref.namespace, ref.name))) is None:
        return
    yield {"kind": "Service", **service}
    selector = f"{SERVICE_NAME_LABEL}={ref.name}"
    yield from client.list("discovery.k8s.io/v1", "EndpointSlice", namespace=ref.namespace, labels=selector)
