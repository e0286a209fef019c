"""The canaries of a run: one for the traffic that the run is known to have, and one for each kind that comes later."""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial

from netpol_harness.backends.runs.directory import RunDirectory
from netpol_harness.errors import ClusterFailed, HarnessError, NotEnforcing
from netpol_harness.runner.canary.report import CanaryReport
from netpol_harness.runner.canary.traffic import PLAIN, Traffic

FIRST = "canary"
"""The run directory's key for the report of the first canary; keys of the others begin with it."""

RunCanary = Callable[[Collection[Traffic]], CanaryReport]


class CanaryWatch:
    """The canaries that one process knows of. Each runs once in all processes of the run, one after the other.

    Until ``start`` nothing runs, and every question is answered as if nothing was wrong.
    """

    def __init__(self) -> None:
        self._expected: frozenset[Traffic] = frozenset()
        self._pool: ThreadPoolExecutor | None = None
        self._reports: dict[Traffic, Future[CanaryReport]] = {}
        self._first: Future[CanaryReport] | None = None

    def expect(self, traffic: Collection[Traffic]) -> None:
        """Have this traffic examined. What is known before ``start`` takes one canary, which all processes share."""
        self._expected |= frozenset(traffic)

    def start(self, directory: RunDirectory, run: RunCanary) -> None:
        """Start the first canary in the background. ``run`` raises what ``run_canary`` does."""
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="canary")
        self._directory, self._run = directory, run
        self._expected = self._expected or frozenset({PLAIN})
        self._first = self._submit(FIRST, partial(run, self._expected))
        self._reports = dict.fromkeys(self._expected, self._first)

    def wait(self) -> None:
        """Block until all expected traffic has been examined.

        Raises ``NotEnforcing`` where verdicts on this cluster mean nothing, and another ``LabError`` if the first
        canary could not run.
        """
        if self._first is None:
            return
        self._first.result()
        for each in sorted(self._expected - self._reports.keys()):
            key = f"{FIRST}-{str(each).replace(' ', '-')}"
            self._reports[each] = self._submit(key, partial(self._run_later, each))
        for report in self._reports.values():
            report.result()

    def check(self, traffic: Collection[Traffic]) -> None:
        """Raise ``NotEnforcing`` if verdicts about some of this traffic mean nothing. Raises as ``wait`` does."""
        self.expect(traffic)
        self.wait()
        for each in sorted(self._reports.keys() & set(traffic)):
            if problem := self._reports[each].result().problems.get(each):
                raise NotEnforcing(problem)

    @property
    def has_failed(self) -> bool:
        """Whether the first canary has shown that no verdict means anything; ``False`` while it runs."""
        return self._first is not None and self._first.done() and isinstance(self._first.exception(), NotEnforcing)

    def close(self) -> None:
        """Wait for the canary that runs, and start no other."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, key: str, run: Callable[[], CanaryReport]) -> Future[CanaryReport]:
        assert self._pool is not None
        return self._pool.submit(self._report, key, run)

    def _report(self, key: str, run: Callable[[], CanaryReport]) -> CanaryReport:
        with self._directory.hold(f"{FIRST}-turn"):  # in a given namespace, two canaries would be in each other's way
            return CanaryReport.from_json(self._directory.once(key, lambda: run().to_json()))

    def _run_later(self, traffic: Traffic) -> CanaryReport:
        """Run one more canary. What it finds is a problem of its traffic alone."""
        try:
            return self._run([traffic])
        except ClusterFailed as error:
            return CanaryReport("", {traffic: str(error)})


def recorded_reports(directory: RunDirectory) -> Iterator[CanaryReport]:
    """Yield the reports of canaries that have ended in any process. Raises the error of the first one."""
    if text := directory.recorded(FIRST):
        yield CanaryReport.from_json(text)
    for key in directory.keys(f"{FIRST}-"):
        with suppress(HarnessError):
            if text := directory.recorded(key):
                yield CanaryReport.from_json(text)
