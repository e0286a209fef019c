"""Applying a CNI's objects, in their order, to a cluster that is just coming up.

Server-side apply: some CRDs are too large for the annotation of the client-side one. What a young API server refuses
for now (a kind whose definition is not yet established, a busy or restarting server) is tried again.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from netpol_harness.backends.base import Progress, ignore
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ApiError, ClusterFailed
from netpol_harness.kube.client import Client
from netpol_harness.model.names import ObjectKey

MANAGER = "netpol-harness"
_DEFINITION = "CustomResourceDefinition"
_PATIENCE = 60.0  # seconds for one object
_INTERVAL = 0.2
_PASSING = frozenset({404, 409, 429, 500, 502, 503, 504})


def install(
    client: Client, objects: Sequence[Mapping[str, Any]], *, deadline: Deadline, progress: Progress = ignore
) -> None:
    """Apply the objects. Raises ``ClusterFailed`` that names the object which was refused."""
    fresh: list[Mapping[str, Any]] = []
    for number, data in enumerate(objects, 1):
        progress(f"applying the CNI: {number} of {len(objects)} objects")
        if fresh and data["kind"] != _DEFINITION:
            _wait_established(client, fresh, deadline)
            fresh = []
        _apply(client, data, deadline)
        if data["kind"] == _DEFINITION:
            fresh.append(data)
    _wait_established(client, fresh, deadline)


def _apply(client: Client, data: Mapping[str, Any], deadline: Deadline) -> None:
    retrying = Retrying(
        retry=retry_if_exception(_may_pass),
        stop=stop_after_delay(min(_PATIENCE, deadline.remaining)),
        wait=wait_random_exponential(multiplier=_INTERVAL, max=3.0),
        reraise=True,
    )
    try:
        retrying(client.apply, data, manager=MANAGER)
    except (ApiError, ClusterFailed) as error:
        raise ClusterFailed(
            f"the CNI's {ObjectKey.of(data)} was not accepted: {error}; does this CNI fit the Kubernetes version?"
        ) from error


def _may_pass(error: BaseException) -> bool:
    return error.code in _PASSING if isinstance(error, ApiError) else isinstance(error, ClusterFailed)


def _wait_established(client: Client, definitions: Iterable[Mapping[str, Any]], deadline: Deadline) -> None:
    """Return once the server serves these kinds."""
    left = [ObjectKey.of(data) for data in definitions]
    for _ in Deadline(min(_PATIENCE, deadline.remaining)).ticks(_INTERVAL):
        left = [key for key in left if not _is_established(client, key)]
        if not left:
            return
    raise ClusterFailed(f"{', '.join(map(str, left))}: not established in {_PATIENCE:.0f} s; see `kubectl describe`")


def _is_established(client: Client, key: ObjectKey) -> bool:
    conditions = ((client.find(key) or {}).get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Established" and c.get("status") == "True" for c in conditions)
