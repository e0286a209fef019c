"""Apply a CNI's objects in order to a cluster that is starting.

Server-side apply: some CRDs are too large for the annotation of the client-side one. Temporary refusals of a starting
API server are retried: a kind whose CRD is not yet established, a busy or restarting server.
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
_CRD = "CustomResourceDefinition"
_OBJECT_SECONDS = 60.0
_INTERVAL = 0.2
_TEMPORARY_CODES = frozenset({404, 409, 429, 500, 502, 503, 504})


def install(
    client: Client, objects: Sequence[Mapping[str, Any]], *, deadline: Deadline, progress: Progress = ignore
) -> None:
    """Apply the objects. Raises ``ClusterFailed`` with the object that was refused."""
    new_crds: list[Mapping[str, Any]] = []
    for number, data in enumerate(objects, 1):
        progress(f"applying the CNI: {number} of {len(objects)} objects")
        if new_crds and data["kind"] != _CRD:
            _wait_established(client, new_crds, deadline)
            new_crds = []
        _apply(client, data, deadline)
        if data["kind"] == _CRD:
            new_crds.append(data)
    _wait_established(client, new_crds, deadline)


def _apply(client: Client, data: Mapping[str, Any], deadline: Deadline) -> None:
    retrying = Retrying(
        retry=retry_if_exception(_is_temporary),
        stop=stop_after_delay(min(_OBJECT_SECONDS, deadline.remaining)),
        wait=wait_random_exponential(multiplier=_INTERVAL, max=3.0),
        reraise=True,
    )
    try:
        retrying(client.apply, data, manager=MANAGER)
    except (ApiError, ClusterFailed) as error:
        answer = f"{error.message} ({error.code} {error.reason})" if isinstance(error, ApiError) else error
        raise ClusterFailed(
            f"the CNI's {ObjectKey.of(data)} was refused: {answer}; does this CNI support the version of Kubernetes?"
        ) from error


def _is_temporary(error: BaseException) -> bool:
    return error.code in _TEMPORARY_CODES if isinstance(error, ApiError) else isinstance(error, ClusterFailed)


def _wait_established(client: Client, crds: Iterable[Mapping[str, Any]], deadline: Deadline) -> None:
    """Wait until the API server serves the kinds of these CRDs."""
    pending = [ObjectKey.of(data) for data in crds]
    for _ in Deadline(min(_OBJECT_SECONDS, deadline.remaining)).ticks(_INTERVAL):
        pending = [key for key in pending if not _is_established(client, key)]
        if not pending:
            return
    raise ClusterFailed(
        f"{', '.join(map(str, pending))}: not established in {_OBJECT_SECONDS:.0f} s; see `kubectl describe`"
    )


def _is_established(client: Client, key: ObjectKey) -> bool:
    conditions = ((client.find(key) or {}).get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Established" and c.get("status") == "True" for c in conditions)
