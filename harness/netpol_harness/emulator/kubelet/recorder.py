"""Events (core/v1) about pods, as ``kubectl describe`` shows them. The oldest are removed first."""

from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from netpol_harness.emulator.store import Key, NotFound, Store

_LIMIT = 2000


class EventRecorder:
    """Writes events on behalf of one component of a host, such as ``kubelet``."""

    def __init__(self, store: Store, component: str, host: str) -> None:
        self._store = store
        self._source = {"component": component, "host": host}
        self._keys: deque[Key] = deque()

    def normal(self, pod: Mapping[str, Any], reason: str, message: str) -> None:
        """Record that something went as expected."""
        self._record(pod, "Normal", reason, message)

    def warning(self, pod: Mapping[str, Any], reason: str, message: str) -> None:
        """Record a problem that the user should know."""
        self._record(pod, "Warning", reason, message)

    def _record(self, pod: Mapping[str, Any], kind: str, reason: str, message: str) -> None:
        metadata = pod["metadata"]
        namespace = self._store.find(Key("namespaces", "", metadata["namespace"]))
        if namespace is None or "deletionTimestamp" in namespace["metadata"]:
            return
        now = self._store.timestamp()
        name = f"{metadata['name']}.{self._store.resource_version:016x}"
        involved = {"kind": "Pod", "apiVersion": "v1", **{n: metadata[n] for n in ("namespace", "name", "uid")}}
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": metadata["namespace"]},
            "involvedObject": involved,
            "type": kind,
            "reason": reason,
            "message": message,
            "source": self._source,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "reportingComponent": self._source["component"],
            "reportingInstance": self._source["host"],
        }
        self._keys.append(Key.of("events", self._store.create("events", event)))
        if len(self._keys) > _LIMIT:
            with suppress(NotFound):
                self._store.remove(self._keys.popleft())
