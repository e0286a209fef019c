"""Makes changes on a cluster: in the order of their acts, and all changes of one act at the same time."""

import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from netpol_harness.backends.runs.owner import run_of
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ApiError, WorkloadFailed
from netpol_harness.kube.client import Client
from netpol_harness.kube.wait import polls, wait_gone
from netpol_harness.model.kinds import makes_pods
from netpol_harness.model.names import NamespacedName, ObjectKey
from netpol_harness.model.objects import Pod
from netpol_harness.runner.available_kinds import defined_kinds
from netpol_harness.runner.state import Act, Change
from netpol_harness.timeouts import Timeouts

log = logging.getLogger("netpol_harness.runner")

_CONCURRENCY = 8
REFUSALS = (400, 403, 422)
"""Status codes of quotas and missing rights, of webhooks and of validation: nothing was created."""
_CHANGES_OF_EXISTING = (Act.RELABEL, Act.REPLACE, Act.DELETE)


class Reconciler:
    """Makes changes. Each of them may be repeated. ``run`` is the run's name.

    ``refused`` are the objects that the API has refused to create, so that they do not exist.
    ``describe`` returns how errors name an object: as its manifest does, and where that is.
    """

    def __init__(self, client: Client, timeouts: Timeouts, run: str, describe: Callable[[ObjectKey], str]) -> None:
        self._client = client
        self._timeouts = timeouts
        self._run = run
        self._describe = describe
        self.refused: set[ObjectKey] = set()

    def make(self, changes: Iterable[Change], step: str = "") -> None:
        """Make all changes. The first error is raised after the other changes of the same act have ended.

        ``step`` tells the log what the changes are for. An ``ApiError`` names the place of the object.
        """
        with ThreadPoolExecutor(_CONCURRENCY, thread_name_prefix="reconcile") as pool:
            for _, same_act in groupby(changes, key=lambda change: change.act):
                for future in [pool.submit(self._make_and_log, change, step) for change in same_act]:
                    future.result()

    def _make_and_log(self, change: Change, step: str) -> None:
        began = time.monotonic()
        try:
            self._make(change)
        except ApiError as error:
            if error.code in REFUSALS and change.act not in _CHANGES_OF_EXISTING:
                self.refused.add(change.key)
            raise error.about(self._describe(change.key)) from None
        self.refused.discard(change.key)
        seconds = time.monotonic() - began
        log.debug("change %s %s in %.3f s, %s", change.act.name.lower(), change.key, seconds, step or "outside a step")

    def _make(self, change: Change) -> None:
        match change.act:
            case Act.RELABEL:
                self._client.merge_patch(change.key, change.data)
            case Act.DEFINE:
                self._create(change)
                self._wait_served(change)
            case Act.REPLACE:
                self._client.replace(change.data)
            case Act.DELETE:
                self._delete(change)
            case Act.RECREATE:
                self._delete(change)
                self._create(change)
            case _:
                self._create(change)

    def _create(self, change: Change) -> None:
        """Create an object; retry while a new namespace has no ServiceAccount yet, which pods need."""
        for attempt in Retrying(
            retry=retry_if_exception(_is_missing_service_account),
            stop=stop_after_delay(self._timeouts.ready),
            wait=wait_fixed(0.2),
            reraise=True,
        ):
            with attempt:
                self._create_or_replace(change)

    def _create_or_replace(self, change: Change) -> None:
        """Create an object; replace one that a killed worker of this run has left under the same name."""
        try:
            self._client.create(change.data)
        except ApiError as error:
            if error.code != 409 or not self._is_ours(change.key):
                raise
            self._client.delete(change.key, grace_seconds=0)
            self._wait_gone(change.key)
            self._client.create(change.data)

    def _is_ours(self, key: ObjectKey) -> bool:
        existing = self._client.find(key)
        return existing is None or run_of(existing) == self._run != ""

    def _delete(self, change: Change) -> None:
        """Delete an object without a grace period, and wait until its name and address are free.

        A controller exists until its pods are gone, so that no pod of the old one is taken for one of the new.
        """
        owns_pods = makes_pods(change.data) and change.key.kind != "Pod"
        is_gone = self._client.delete(change.key, grace_seconds=0, owned_first=owns_pods)
        if owns_pods:
            self._hasten_pods(change.key)
        elif is_gone:
            return
        if change.act is Act.RECREATE or change.key.kind != "Namespace":
            self._wait_gone(change.key)

    def _hasten_pods(self, controller: ObjectKey) -> None:
        """End the pods of a controller that is being deleted: each would take its own grace period."""
        deadline, namespace = Deadline(self._timeouts.ready), controller.namespace or "default"
        for last_poll in polls(deadline, self._timeouts.interval):
            if last_poll or self._client.find(controller) is None:
                return
            for data in self._client.list("v1", "Pod", namespace=namespace):
                ends = "deletionTimestamp" in data["metadata"]
                if ends and Pod.parse(data).workload == NamespacedName(namespace, controller.name):
                    key = ObjectKey("v1", "Pod", namespace, data["metadata"]["name"])
                    self._client.delete(key, grace_seconds=0)

    def _wait_served(self, change: Change) -> None:
        """Wait until the API serves the kinds that a definition adds. Raises ``WorkloadFailed``."""
        kinds = tuple(defined_kinds(change.data))
        for last_poll in polls(Deadline(self._timeouts.ready), self._timeouts.interval):
            if all(self._client.serves(*kind) for kind in kinds):
                return
            if last_poll:
                raise WorkloadFailed(f"{change.key} is created, but the API does not serve its kind; is it valid?")

    def _wait_gone(self, *keys: ObjectKey) -> None:
        wait_gone(self._client, keys, deadline=Deadline(self._timeouts.ready), interval=self._timeouts.interval)


def _is_missing_service_account(error: BaseException) -> bool:
    return isinstance(error, ApiError) and error.code == 403 and "service account" in str(error).lower()
