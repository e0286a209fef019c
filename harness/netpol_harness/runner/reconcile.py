"""Makes changes on a cluster: in the order of their acts, all changes of one act at once."""

import logging
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from netpol_harness.backends.runs.owner import run_of
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ApiError
from netpol_harness.kube.client import Client
from netpol_harness.kube.wait import wait_gone
from netpol_harness.model.names import ObjectKey
from netpol_harness.runner.state import Act, Change
from netpol_harness.timeouts import Timeouts

log = logging.getLogger("netpol_harness.runner")

_AT_ONCE = 8


class Reconciler:
    """Carries out changes; every one of them may be repeated. ``run`` is the run's name."""

    def __init__(self, client: Client, timeouts: Timeouts, run: str = "") -> None:
        self._client = client
        self._timeouts = timeouts
        self._run = run

    def make(self, changes: Iterable[Change], step: str = "") -> None:
        """Carry out all changes; the first error is raised after the changes of the same act have ended.

        ``step`` names in the log what they are for.
        """
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="reconcile") as pool:
            for _, same_act in groupby(changes, key=lambda change: change.act):
                for done in [pool.submit(self._logged, change, step) for change in same_act]:
                    done.result()

    def _logged(self, change: Change, step: str) -> None:
        """Carry out one change and record it."""
        began = time.monotonic()
        self._make(change)
        seconds = time.monotonic() - began
        log.debug("change %s %s in %.3f s, %s", change.act.name.lower(), change.key, seconds, step or "outside a step")

    def _make(self, change: Change) -> None:
        match change.act:
            case Act.RELABEL:
                self._client.merge_patch(change.key, change.data)
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
        """Create; a new namespace's ServiceAccount may come a moment after the namespace, and pods need it."""
        for attempt in Retrying(
            retry=retry_if_exception(_lacks_service_account),
            stop=stop_after_delay(self._timeouts.ready),
            wait=wait_fixed(0.2),
            reraise=True,
        ):
            with attempt:
                self._create_anew(change)

    def _create_anew(self, change: Change) -> None:
        """Create, in the place of what a worker of this run has left there that was killed."""
        try:
            self._client.create(change.data)
        except ApiError as error:
            if error.code != 409 or not self._is_ours(change.key):
                raise
            self._client.delete(change.key, grace_seconds=0)
            self._wait_gone(change.key)
            self._client.create(change.data)

    def _is_ours(self, key: ObjectKey) -> bool:
        found = self._client.find(key)
        return found is None or run_of(found) == self._run != ""

    def _delete(self, change: Change) -> None:
        """Delete now, without a grace period, and wait until it is gone: its name and address must be free."""
        self._client.delete(change.key, grace_seconds=0)
        if change.act is Act.RECREATE or change.key.kind != "Namespace":
            self._wait_gone(change.key)

    def _wait_gone(self, *keys: ObjectKey) -> None:
        wait_gone(self._client, keys, deadline=Deadline(self._timeouts.ready), interval=self._timeouts.interval)


def _lacks_service_account(error: BaseException) -> bool:
    return isinstance(error, ApiError) and error.code == 403 and "service account" in str(error).lower()
