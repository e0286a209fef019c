"""ExternalNames: Services that are another name for something. Pure."""

import re
from collections.abc import Mapping

from netpol_harness.model.names import NamespacedName
from netpol_harness.model.services import Service

_CLUSTER_NAME = re.compile(r"(?P<name>[^.]+)\.(?P<namespace>[^.]+)\.svc\.cluster\.local")
"""The name of a Service as an alias must write it: no search list applies to it."""


def followed(service: Service, services: Mapping[NamespacedName, Service]) -> Service | None:
    """Return the last Service that a name leads to: itself, or through aliases another one.

    If that is an ExternalName, its name is not that of a Service. ``None`` if the names lead in a circle.
    """
    seen = set[NamespacedName]()
    while service.external_name:
        if service.ref in seen:
            return None
        seen.add(service.ref)
        named = _CLUSTER_NAME.fullmatch(service.external_name)
        target = services.get(NamespacedName(named["namespace"], named["name"])) if named else None
        if target is None:
            return service
        service = target
    return service
