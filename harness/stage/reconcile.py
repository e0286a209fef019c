"""Makes changes on a cluster: in the order of their acts, all changes of one act at once."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from harness.errors import ApiError
from harness.kube.client import Client
from harness.kube.wait import wait_gone
from harness.settings import Deadline, Timeouts
from harness.stage.state import Act, Change

_AT_ONCE = 8


class Reconciler:
    """Carries out changes; every one of them may be repeated."""

    def __init__(self, client: Client, timeouts: Timeouts) -> None:
        self._client = client
        self._timeouts = timeouts

    def make(self, changes: Iterable[Change]) -> None:
        """Carry out all changes; the first error is raised after the changes of the same act have ended."""
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="reconcile") as pool:
            for _, same_act in groupby(changes, key=lambda change: change.act):
                for done in [pool.submit(self._make, change) for change in same_act]:
                    done.result()

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
                self._client.create(change.data)

    def _delete(self, change: Change) -> None:
        """Delete now, without a grace period, and wait until it is gone: its name and address must be free."""
        self._client.delete(change.key, grace_seconds=0)
        if change.act is Act.RECREATE or change.key.kind != "Namespace":
            wait_gone(
                self._client, [change.key], deadline=Deadline(self._timeouts.ready), interval=self._timeouts.interval
            )


def _lacks_service_account(error: BaseException) -> bool:
    return isinstance(error, ApiError) and error.code == 403 and "service account" in str(error).lower()
