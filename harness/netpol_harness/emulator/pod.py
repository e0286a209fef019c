"""Properties of a Pod that several components of the cluster read. Pure."""

from typing import Final

from netpol_harness.model.json_object import JsonMapping
from netpol_harness.wellknown import EXTERNAL_HOST_ANNOTATION

SEARCH_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Default ``PATH`` of a container's processes."""


def is_external_host(pod: JsonMapping) -> bool:
    """Return whether the pod stands for a host outside the cluster."""
    return EXTERNAL_HOST_ANNOTATION in (pod["metadata"].get("annotations") or {})


def is_serving(pod: JsonMapping) -> bool:
    """Return whether the pod has condition Ready, even if it is being deleted."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def is_ready(pod: JsonMapping) -> bool:
    """Return whether the pod takes traffic of Services: it has condition Ready and is not being deleted."""
    return "deletionTimestamp" not in pod["metadata"] and is_serving(pod)
