"""A store with all controllers, and a kubelet that acts on request."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest

from netpol_harness.emulator.apiserver.admission import admit
from netpol_harness.emulator.apiserver.bootstrap import bootstrap
from netpol_harness.emulator.apiserver.catalog import Catalog
from netpol_harness.emulator.apiserver.lifecycle import Lifecycle
from netpol_harness.emulator.controllers import all_controllers
from netpol_harness.emulator.controllers.work_queue import WorkQueue
from netpol_harness.emulator.store import Key, Store
from netpol_harness.model.json_object import JsonObject

MAX_TURNS = 60


class _Kubelet:
    """Removes deleted pods at once, or never while ``holds`` is set."""

    def __init__(self, store: Store) -> None:
        self.holds = False
        self._store = store

    def delete_pod(self, key: Key, grace_seconds: int) -> None:
        if not self.holds:
            self._store.remove(key)


def _with_status(status: JsonObject, pod: JsonObject) -> JsonObject:
    return {**pod, "status": status}


class Timer:
    """A call that is due later, on request."""

    def __init__(self, timers: list["Timer"], seconds: float, call: Callable[[], None]) -> None:
        self.seconds = seconds
        self.call = call
        self._timers = timers
        timers.append(self)

    def cancel(self) -> None:
        if self in self._timers:
            self._timers.remove(self)


class Cluster:
    """A store with all controllers. Its clock stands still, and timers run on request."""

    def __init__(self) -> None:
        uids = count()
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.store = Store(now=lambda: self.now, new_uid=lambda: f"uid-{next(uids)}")
        bootstrap(self.store)
        self.store.create("namespaces", admit(self.store, "namespaces", {"metadata": {"name": "x"}}))
        self.kubelet = _Kubelet(self.store)
        self.timers: list[Timer] = []
        self._turns: list[Callable[[], None]] = []
        self._addresses = count(2)
        catalog = Catalog(self.store)
        self.lifecycle = Lifecycle(self.store, self.kubelet, catalog)
        WorkQueue(
            self.store,
            all_controllers(self.store, self.lifecycle.delete_with_dependents, catalog),
            self._turns.append,
            partial(Timer, self.timers),
        )
        self.settle()

    def settle(self) -> None:
        """Run the controllers until nothing is pending."""
        for _ in range(MAX_TURNS):
            if not self._turns:
                return
            self._turns.pop(0)()
        pytest.fail(f"the controllers do not come to rest within {MAX_TURNS} turns")

    def pass_time(self, seconds: float) -> None:
        """Advance the clock, and run all timers."""
        self.now += timedelta(seconds=seconds)
        for timer in tuple(self.timers):
            timer.call()
        self.settle()

    def create(self, resource: str, obj: JsonObject) -> JsonObject:
        named = {**obj, "metadata": {"namespace": "x", **obj["metadata"]}}
        created = self.store.create(resource, admit(self.store, resource, named))
        self.settle()
        return created

    def change(self, resource: str, name: str, **spec: Any) -> None:
        before = self.store.get(Key(resource, "x", name))
        after = {**before, "spec": {**before["spec"], **spec}}
        self.store.update(resource, admit(self.store, resource, after, before))
        self.settle()

    def delete(self, resource: str, name: str, **options: Any) -> None:
        """Do what a user's DELETE does."""
        self.lifecycle.delete(Key(resource, "x", name), options)
        self.settle()

    def remove(self, resource: str, name: str) -> None:
        """Remove an object that nothing holds back."""
        self.store.remove(Key(resource, "x", name))
        self.settle()

    def ready(self, *names: str) -> None:
        """Give pods, all by default, an address and make them ready."""
        for pod in self.list("pods"):
            address = (pod.get("status") or {}).get("podIP") or f"10.244.0.{next(self._addresses)}"
            if not names or pod["metadata"]["name"] in names:
                self._put_status(pod["metadata"]["name"], "Running", "True", podIP=address, podIPs=[{"ip": address}])
        self.settle()

    def set_phase(self, name: str, phase: str) -> None:
        """Set the phase of a pod, which is not ready then."""
        self._put_status(name, phase, "False")
        self.settle()

    def _put_status(self, name: str, phase: str, ready: str, **fields: Any) -> None:
        status = {"phase": phase, "conditions": [{"type": "Ready", "status": ready}], **fields}
        self.store.modify(Key("pods", "x", name), partial(_with_status, status))

    def get(self, resource: str, name: str) -> JsonObject:
        return self.store.get(Key(resource, "x", name))

    def list(self, resource: str) -> list[JsonObject]:
        return self.store.list(resource, "x")

    def names(self, resource: str) -> set[str]:
        return {obj["metadata"]["name"] for obj in self.list(resource)}

    def status(self, resource: str, name: str = "web") -> JsonObject:
        status: JsonObject = self.get(resource, name)["status"]
        return status


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def workload() -> Callable[..., JsonObject]:
    """Return a function that makes a workload: its name, its pod spec and further fields of its spec."""

    def make(name: str, pod: Mapping[str, Any] | None = None, **spec: Any) -> JsonObject:
        container = {"name": "c", "image": "i", "ports": [{"containerPort": 8080, "name": "http"}]}
        template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container], **(pod or {})}}
        selector = {"matchLabels": {"app": name}}
        return {"metadata": {"name": name}, "spec": {"selector": selector, "template": template, **spec}}

    return make
