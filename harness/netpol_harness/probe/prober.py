"""Rounds of probes: one exec for each source pod carries all its probes, all pods at once.

Invariants: ``observe`` gives one reply for every probe and raises nothing for a broken pod; what went wrong becomes
PROBE_FAILED with the reason. What was silent in a round that was too slow is probed again with twice the time and half
the parallelism (silence on names alone once more with the same time first), and is PROBE_FAILED if the slowest ``Pace``
is still too quick. A slow machine therefore costs time and never makes a denial; neither does an API server that
throttles or loses connections (``BatchRunner``).
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from netpol_harness.errors import HarnessError, ToolMissing
from netpol_harness.kube.exec import Exec, Sessions
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import SILENT
from netpol_harness.probe.batch_runner import BatchRunner
from netpol_harness.probe.ephemeral import NO_IMAGE
from netpol_harness.probe.exec_targets import ExecTargets, PodContainers
from netpol_harness.probe.pace import SLOWEST, TOO_SLOW, Pace
from netpol_harness.probe.persistent import PersistentConnections
from netpol_harness.probe.plan import script
from netpol_harness.probe.plan.question import PodProbe, Probe
from netpol_harness.probe.plan.script import WIDEST
from netpol_harness.probe.plan.toolbox import Tool
from netpol_harness.probe.pod_prober import PodProber, PodReplies, ProbeMethod, ProbeOptions
from netpol_harness.results.evidence import Reply

log = logging.getLogger("netpol_harness.probe")

STARTS_PER_SECOND = 500
"""Command-line probes, one to three processes each, that two cores start in a second. Pods may share one machine, so no
more run at once than are started in half a probe's time-out: else a probe's time would run out before its tool runs."""
NARROWEST = 2

Replies = Mapping[PodProbe, Reply]
ProbesByPod = Mapping[NamespacedName, Sequence[Probe]]


@dataclass(frozen=True, slots=True)
class Load:
    """How fast probes are sent: the pace (factor on the time-out) and how many execs may run at once."""

    pace: float
    execs: int

    def __str__(self) -> str:
        return f"pace {self.pace:g}, at most {self.execs} execs at once"


class Prober:
    """Probes by ``exec``; may be shared between threads.

    ``timeout``: seconds for one probe; ``exec_timeout``: seconds that a batch may take beyond its probes' own time;
    ``concurrency``: execs that run at once, at most; ``tool`` forces one tool for command-line probes; ``containers``
    is used if no container of a pod has the tools. Persistent connections need an ``exec`` that opens ``Sessions`` too.
    """

    def __init__(
        self,
        exec: Exec,
        *,
        timeout: float,
        exec_timeout: float,
        concurrency: int = 32,
        tool: Tool | None = None,
        containers: PodContainers | None = None,
    ) -> None:
        self._timeout = timeout
        self._concurrency = max(1, concurrency)
        self._containers = containers
        self._pace = Pace()
        self._runner = BatchRunner(exec, timeout=exec_timeout, concurrency=self._concurrency)
        self._targets = ExecTargets(self._runner.run_command, containers)
        self._pod_prober = PodProber(self._runner, self._targets, tool)
        self._connections = PersistentConnections(
            exec if isinstance(exec, Sessions) else None, self._targets, exec_timeout=exec_timeout
        )

    @property
    def image(self) -> str:
        """The image of containers that are added to pods. Raises ``ToolMissing`` if none may be added."""
        image = self._containers.image if self._containers else NO_IMAGE
        if image == NO_IMAGE:
            what = "a pod's first packets are sent by a container that the harness adds"
            raise ToolMissing(f"{what}; leave out --probe-image {NO_IMAGE}")
        return image

    @property
    def timeout(self) -> float:
        """Seconds that one probe gets at the present pace, if no new process runs for it alone."""
        return self._timeout * max(1.0, self._pace.factor)

    @property
    def load(self) -> Load:
        """The present pace and width, for logs."""
        return Load(self._pace.factor, self._runner.width)

    def allow_quicker(self, quickest: float) -> None:
        """Give command-line probes only this part of the time-out, as long as all pods are quick."""
        self._pace = Pace(quickest)

    def prefer(self, namespace: str, containers: Iterable[str]) -> None:
        """Probe from containers of these names first, in pods of this namespace."""
        self._targets.prefer(namespace, containers)

    def expect_addresses(self, addresses: Mapping[NamespacedName, Collection[str]]) -> None:
        """Accept replies of these pods only from a network with one of their addresses; from any if there is none."""
        self._pod_prober.expect_addresses(addresses)

    def prepare(self, pods: Iterable[NamespacedName]) -> None:
        """Discover the exec targets of these pods, so that this takes no probe's time.

        An error of a broken pod shows up in ``observe``.
        """
        new_pods = tuple(dict.fromkeys(pod for pod in pods if pod not in self._targets))
        if new_pods:
            with ThreadPoolExecutor(min(self._concurrency, len(new_pods)), thread_name_prefix="prepare") as pool:
                tuple(pool.map(self._prepare, new_pods))

    def observe(self, batches: ProbesByPod, method: ProbeMethod = ProbeMethod.CLI) -> Replies:
        """Run all probes of all pods; a probe that is listed twice runs once."""
        pairs = tuple(dict.fromkeys((pod, probe) for pod, probes in batches.items() for probe in probes))
        persistent = tuple(pair for pair in pairs if pair[1].connection)
        new = _by_pod(pair for pair in pairs if not pair[1].connection)
        if not persistent:
            return self._observe_new(new, method)
        with ThreadPoolExecutor(1, thread_name_prefix="connections") as pool:
            over_connections = pool.submit(self._connections.ask, persistent, self.timeout)
            return {**self._observe_new(new, method), **over_connections.result()}

    def silence(self, pod: NamespacedName, probe: Probe) -> float:
        """Return for how many seconds the persistent connection of this probe has been silent."""
        return self._connections.silence((pod, probe))

    def close_connections(self, pairs: Iterable[PodProbe]) -> None:
        """Close the persistent connections of these probes; the next round opens new ones."""
        self._connections.close(pairs)

    def _observe_new(self, work: Mapping[NamespacedName, tuple[Probe, ...]], method: ProbeMethod) -> Replies:
        """Probe over new connections, and repeat doubtful silence with more time, up to the slowest pace."""
        replies: dict[PodProbe, Reply] = {}
        pace = 0.0
        while work and pace < SLOWEST:
            repeated, pace = pace > 0, max(self._pace.factor, pace + 1)
            round_replies, doubts = self._round(work, method, repeated=repeated)
            replies |= {pair: script.doubted(reply, doubts.get(pair, "")) for pair, reply in round_replies.items()}
            work = _by_pod(doubts)
        return replies

    def _round(
        self, work: Mapping[NamespacedName, tuple[Probe, ...]], method: ProbeMethod, *, repeated: bool
    ) -> tuple[Replies, Mapping[PodProbe, str]]:
        """Return one reply for each probe, and for those whose silence is not an observation the reason."""
        if not any(self._pod_prober.can_use_python(pod) for pod in work):
            method = ProbeMethod.CLI
        pods_at_once, width = self._breadth(work, method)
        timeout = self.timeout if method is ProbeMethod.PYTHON else self._timeout * self._pace.factor
        by_pod = self._probe_pods(work, pods_at_once, ProbeOptions(method, timeout, width))
        slowest = max(by_pod, key=lambda pod: by_pod[pod].slowness)
        slowness = by_pod[slowest].slowness
        replies = {(pod, probe): reply for pod, result in by_pod.items() for probe, reply in result.replies.items()}
        doubtful = tuple(
            (pod, probe)
            for (pod, probe), reply in replies.items()
            if reply.outcome in SILENT and not self._pace.trusts_silence(slowness, by_name=probe.by_name)
        )
        self._pace.adapt(slowness, doubtful=bool(doubtful), repeated=repeated)
        if doubtful:
            log.info("pod %s was %s: %d silent probes are doubted; %s", slowest, TOO_SLOW, len(doubtful), self.load)
        return replies, dict.fromkeys(doubtful, f"pod {slowest} was {TOO_SLOW}")

    def _probe_pods(
        self, work: Mapping[NamespacedName, tuple[Probe, ...]], at_once: int, options: ProbeOptions
    ) -> dict[NamespacedName, PodReplies]:
        pool = ThreadPoolExecutor(at_once, thread_name_prefix="probe")
        try:
            futures = {pod: pool.submit(self._pod_prober.probe, pod, probes, options) for pod, probes in work.items()}
            return {pod: future.result() for pod, future in futures.items()}
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _breadth(self, work: Mapping[NamespacedName, tuple[Probe, ...]], method: ProbeMethod) -> tuple[int, int]:
        """Return how many pods run at once, and how many commands in each of them: all, if they are few."""
        factor = self._pace.factor
        probes = int(STARTS_PER_SECOND * self._timeout / 2 * min(factor, 1 / factor))
        most = self._concurrency if method is ProbeMethod.PYTHON else min(self._concurrency, probes // NARROWEST)
        at_once = max(1, min(most, len(work)))
        few = sum(map(len, work.values())) <= probes
        return at_once, WIDEST if few else max(NARROWEST, min(WIDEST, probes // at_once))

    def _prepare(self, pod: NamespacedName) -> None:
        with suppress(HarnessError):
            self._targets.of(pod)


def _by_pod(pairs: Iterable[PodProbe]) -> dict[NamespacedName, tuple[Probe, ...]]:
    probes: dict[NamespacedName, list[Probe]] = {}
    for pod, probe in pairs:
        probes.setdefault(pod, []).append(probe)
    return {pod: tuple(several) for pod, several in probes.items()}
