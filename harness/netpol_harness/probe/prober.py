"""Asking pods: one exec for each source pod carries all its probes, all pods at once, and every probe gets one reply.

Invariants: ``observe`` answers every probe exactly once and never raises for a broken pod; what went wrong becomes
PROBE_FAILED with the reason. Silence counts only where the round shows that an answer would have come in time: when
anything that did answer took more than half of the time-out, a pod's own pulse included, what was silent is asked again
with twice the time and half the parallelism, up to ``SLOWEST_PACE``, and is PROBE_FAILED if that is still too little.
The pace falls again when the pods are quick. Silence on a name may be one lost query, which resolvers repeat only
after seconds, so that it needs a round twice as quick, or the slowest pace. A slow machine therefore costs time and
never makes a denial; neither does an API server that throttles (the ``Gate`` narrows) or loses connections (a batch is
harmless to run twice).
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ExecFailed, HarnessError, ToolMissing
from netpol_harness.kube.exec import Exec, ExecReply, Sessions, Throttled
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Outcome
from netpol_harness.probe import python_script, script
from netpol_harness.probe.commands import CommandRequest, command_for
from netpol_harness.probe.containers import (
    CONTAINER_REQUIRED,
    SHELL,
    Containers,
    ExecTargets,
    ProbeAssignment,
    failed_without_output,
    fresh_nonce,
    is_program_missing,
)
from netpol_harness.probe.ephemeral import NO_IMAGE
from netpol_harness.probe.gate import Gate
from netpol_harness.probe.persistent import PersistentConnections
from netpol_harness.probe.question import Probe
from netpol_harness.probe.script import Answers, Batch
from netpol_harness.probe.toolbox import Tool, Toolbox
from netpol_harness.results.evidence import Reply

log = logging.getLogger("netpol_harness.probe")

TRIES = 3
"""Times that a batch is run whose connection breaks before all was said."""
STARTS_PER_SECOND = 400
"""Typed probes, each a process or three, that two cores start in a second. Pods may share one machine, so that no more
run at once than are started in half a probe's time-out: else a probe's time would run out before its tool runs."""
WIDEST, NARROWEST = 32, 2
SLOW, SLOW_FOR_NAMES, QUICK = 1 / 2, 1 / 4, 1 / 8
"""Parts of the time-out: above the first a round is too slow to trust its silence, above the second that of a name;
below the third it is quick."""
SLOWEST_PACE = 8

Replies = Mapping[tuple[NamespacedName, Probe], Reply]
Batches = Mapping[NamespacedName, Sequence[Probe]]


class ProbeMethod(StrEnum):
    """How to probe: CLI runs what a user would type; PYTHON is faster, for addresses, where a container has python3."""

    CLI = "cli"
    PYTHON = "python"


@dataclass(frozen=True, slots=True)
class Load:
    """How fast probes are sent: the pace (times the time-out) and how many execs may run at once."""

    pace: int
    execs: int

    def __str__(self) -> str:
        return f"pace {self.pace}, at most {self.execs} execs at once"


@dataclass(frozen=True, slots=True)
class _Asked:
    """One pod's answers, and the longest that anything which answered took there, as a part of the time-out."""

    replies: Mapping[Probe, Reply]
    slowness: float = 0.0


class Prober:
    """Asks through ``exec``; may be shared between threads.

    ``timeout``: seconds for one probe; ``exec_timeout``: seconds that a batch may take beyond its probes' own time;
    ``concurrency``: execs under way at once, at most; ``tool`` forces one tool for typed probes; ``containers`` helps
    where a pod's own container cannot be asked from. Connections that stay open take an ``exec`` that opens
    ``Sessions`` too.
    """

    def __init__(
        self,
        exec: Exec,
        *,
        timeout: float,
        exec_timeout: float,
        concurrency: int = 32,
        tool: Tool | None = None,
        containers: Containers | None = None,
    ) -> None:
        self._exec = exec
        self._timeout = timeout
        self._exec_timeout = exec_timeout
        self._concurrency = max(1, concurrency)
        self._tool = tool
        self._pace = 1
        self._gate = Gate(self._concurrency)
        self._containers = containers
        self._places = ExecTargets(self._discover, containers)
        self._lines = PersistentConnections(
            exec if isinstance(exec, Sessions) else None, self._places, exec_timeout=exec_timeout
        )
        self._agents: dict[NamespacedName, str | None] = {}

    @property
    def image(self) -> str:
        """What containers are made of that are added to pods. Raises ``ToolMissing`` where none may be."""
        image = self._containers.image if self._containers else NO_IMAGE
        if image == NO_IMAGE:
            what = "a pod's first packets are asked by a container of ours"
            raise ToolMissing(f"{what}; leave out --probe-image {NO_IMAGE}")
        return image

    @property
    def timeout(self) -> float:
        """Seconds that one probe gets at the present pace."""
        return self._timeout * self._pace

    @property
    def load(self) -> Load:
        """The present pace and width, for logs."""
        return Load(self._pace, self._gate.limit)

    def prefer(self, namespace: str, containers: Iterable[str]) -> None:
        """In pods of this namespace, ask from the containers of these names before others that they may have."""
        self._places.prefer(namespace, containers)

    def prepare(self, pods: Iterable[NamespacedName]) -> None:
        """Find out where in these pods to ask from, so that no question's time is spent on it.

        What a broken pod has to say is kept for ``observe``.
        """
        strangers = tuple(dict.fromkeys(pod for pod in pods if not self._places.knows(pod)))
        if strangers:
            with ThreadPoolExecutor(min(self._concurrency, len(strangers)), thread_name_prefix="prepare") as pool:
                tuple(pool.map(self._prepare, strangers))

    def observe(self, batches: Batches, method: ProbeMethod = ProbeMethod.CLI) -> Replies:
        """Ask all probes of all pods; one that is listed twice is asked once."""
        asked = tuple(dict.fromkeys((pod, probe) for pod, probes in batches.items() for probe in probes))
        held = tuple((pod, probe) for pod, probe in asked if probe.held)
        work = _by_pod((pod, probe) for pod, probe in asked if not probe.held)
        if not held:
            return self._observe(work, method)
        with ThreadPoolExecutor(1, thread_name_prefix="lines") as pool:
            over_lines = pool.submit(self._lines.ask, held, self.timeout)
            return {**self._observe(work, method), **over_lines.result()}

    def silence(self, pod: NamespacedName, probe: Probe) -> float:
        """For how many seconds the connection has been silent that this probe is asked over."""
        return self._lines.silence((pod, probe))

    def close_connections(self, held: Iterable[tuple[NamespacedName, Probe]]) -> None:
        """Close the connections that these probes were asked over; the next asking opens new ones."""
        self._lines.close_connections(held)

    def _observe(self, work: Mapping[NamespacedName, tuple[Probe, ...]], method: ProbeMethod) -> Replies:
        """Ask by new connections.

        What was silent in a round that was too slow is asked again with more time, up to the slowest pace.
        """
        replies: dict[tuple[NamespacedName, Probe], Reply] = {}
        pace = 0
        while work and pace < SLOWEST_PACE:
            pace = max(self._pace, pace + 1)
            seen, why = self._round(work, method)
            replies |= {key: script.doubted(reply, why.get(key, "")) for key, reply in seen.items()}
            work = _by_pod(why)
        return replies

    def _round(
        self, work: Mapping[NamespacedName, tuple[Probe, ...]], method: ProbeMethod
    ) -> tuple[Replies, Mapping[tuple[NamespacedName, Probe], str]]:
        """One reply for each probe; and of those whose silence means nothing, why."""
        if all(self._agents.get(pod, "") is None for pod in work):
            method = ProbeMethod.CLI
        at_once, width = self._breadth(work, method)
        asked = self._all_at_once(at_once, work, method, width)
        slowest = max(asked, key=lambda pod: asked[pod].slowness)
        slowness, names = asked[slowest].slowness, SLOW if self._pace == SLOWEST_PACE else SLOW_FOR_NAMES
        replies = {(pod, probe): reply for pod, answers in asked.items() for probe, reply in answers.replies.items()}
        doubtful = tuple(
            key
            for key, reply in replies.items()
            if reply.outcome in script.SILENT and slowness > (names if key[1].by_name else SLOW)
        )
        self._adapt(slowness, doubtful=bool(doubtful))
        if doubtful:
            log.info("pod %s was too slow: %d silent probes are doubted; pace %d", slowest, len(doubtful), self._pace)
        return replies, dict.fromkeys(doubtful, f"pod {slowest} was too slow for silence to mean anything")

    def _all_at_once(
        self, at_once: int, work: Mapping[NamespacedName, tuple[Probe, ...]], method: ProbeMethod, width: int
    ) -> dict[NamespacedName, _Asked]:
        pool = ThreadPoolExecutor(at_once, thread_name_prefix="probe")
        try:
            futures = {pod: pool.submit(self._ask, pod, probes, method, width) for pod, probes in work.items()}
            return {pod: future.result() for pod, future in futures.items()}
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _breadth(self, work: Mapping[NamespacedName, tuple[Probe, ...]], method: ProbeMethod) -> tuple[int, int]:
        """How many pods at once, and how many typed probes at once in each: all, where they are few."""
        probes = int(STARTS_PER_SECOND * self._timeout / 2) // self._pace
        most = self._concurrency if method is ProbeMethod.PYTHON else min(self._concurrency, probes // NARROWEST)
        at_once = max(1, min(most, len(work)))
        few = sum(map(len, work.values())) <= probes
        return at_once, WIDEST if few else max(NARROWEST, min(WIDEST, probes // at_once))

    def _adapt(self, slowness: float, *, doubtful: bool) -> None:
        if slowness > SLOW or doubtful:
            self._pace = min(self._pace * 2, SLOWEST_PACE)
        elif slowness < QUICK:
            self._pace = max(self._pace // 2, 1)

    def _ask(self, pod: NamespacedName, probes: tuple[Probe, ...], method: ProbeMethod, width: int) -> _Asked:
        """Everything for one pod, one exec after the other; whatever breaks becomes the reason of its replies."""
        try:
            if method is ProbeMethod.PYTHON and self._agents.get(pod, "") is not None:
                return self._by_agent(pod, probes, width)
            return self._typed(pod, probes, width)
        except HarnessError as error:
            self._agents.pop(pod, None)
            self._places.forget(pod)
            return _Asked({probe: Reply(Outcome.PROBE_FAILED, str(error)) for probe in probes})
        except Exception as error:  # noqa: BLE001  # a defect in one pod's answer must not take all the others along
            return _Asked({probe: Reply(Outcome.PROBE_FAILED, f"{type(error).__name__}: {error}") for probe in probes})

    def _by_agent(self, pod: NamespacedName, probes: tuple[Probe, ...], width: int) -> _Asked:
        """The agent for what it can ask, the typed tools for the rest, and for all where there is no python3."""
        fast = tuple(probe for probe in probes if python_script.can_ask(probe))
        rest = tuple(probe for probe in probes if not python_script.can_ask(probe))
        typed = self._typed(pod, rest, width) if rest else _Asked({})
        if not fast:
            return typed
        for container in self._pythons(pod):
            batch = python_script.compose(fast, timeout=self.timeout, nonce=fresh_nonce())
            answers = self._run(pod, container, python_script.ARGV, batch, waves=-(-len(fast) // python_script.AT_ONCE))
            if answers is not None:
                self._agents[pod] = container
                return _together(typed, _from(container, answers, batch))
        self._agents[pod] = None  # no python3, or none that can run the agent
        return self._typed(pod, probes, width)

    def _pythons(self, pod: NamespacedName) -> Iterator[str]:
        """The containers to run the agent in: the one that could, else the pod's own, else where python3 was seen."""
        known = self._agents.get(pod)
        yield known or ""
        if known is None:
            places = self._places.of(pod)
            yield from (place.container for place in places if place.container and Tool.PYTHON in place.toolbox.tools)

    def _typed(self, pod: NamespacedName, probes: tuple[Probe, ...], width: int) -> _Asked:
        """All probes, from the places that can ask them; those of a pod that was made anew are found out once more."""
        known = self._places.knows(pod)
        try:
            return self._from_places(pod, probes, width)
        except ExecFailed:
            self._places.forget(pod)
            if not known:
                raise
            return self._from_places(pod, probes, width)

    def _from_places(self, pod: NamespacedName, probes: tuple[Probe, ...], width: int) -> _Asked:
        asked = _Asked({})
        for share in self._places.share(pod, probes, self._can_ask):
            asked = _together(asked, self._from_place(pod, share, width))
        return asked

    def _can_ask(self, probe: Probe, toolbox: Toolbox) -> bool:
        return command_for(CommandRequest(probe, toolbox, self.timeout, ""), self._tool) is not None

    def _from_place(self, pod: NamespacedName, share: ProbeAssignment, width: int) -> _Asked:
        place = share.place
        batch = script.compose(
            share.probes, place.toolbox, timeout=self.timeout, width=width, nonce=fresh_nonce(), tool=self._tool
        )
        if not batch.asked:
            return _Asked({probe: _completed(reply, share.lacks) for probe, reply in batch.unasked.items()})
        answers = self._run(pod, place.container, SHELL, batch, waves=-(-len(share.probes) // width) + 1)
        if answers is None:
            raise ExecFailed(f"the shell of pod {pod} does not run any more; was the pod made anew?")
        return _from(place.container, answers, batch)

    def _run(
        self, pod: NamespacedName, container: str, argv: Sequence[str], batch: Batch, *, waves: int
    ) -> Answers | None:
        """One exec of a batch, which may take ``waves`` times the time-out; ``None`` where ``argv`` cannot be run."""
        seconds = self._exec_timeout + 2 * waves * batch.timeout
        try:
            reply = self._executed(pod, container, argv, batch.text.encode(), seconds)
        except ExecFailed as error:
            if is_program_missing(str(error)) or (CONTAINER_REQUIRED in str(error) and not container):
                return None
            raise
        if failed_without_output(reply):
            return None
        return script.read(batch, reply.stdout, why_lost=_why(reply))

    def _discover(self, pod: NamespacedName, container: str, argv: Sequence[str], stdin: bytes) -> ExecReply:
        return self._executed(pod, container, argv, stdin, self._exec_timeout)

    def _executed(
        self, pod: NamespacedName, container: str, argv: Sequence[str], stdin: bytes, seconds: float
    ) -> ExecReply:
        """One exec, and another where the connection broke; its time begins when the gate lets it in."""
        for left in reversed(range(TRIES)):
            with self._gate.slot() as slot:
                deadline = Deadline(seconds)
                try:
                    reply = self._exec(pod, argv, stdin=stdin, deadline=deadline, container=container)
                except Throttled:
                    slot.throttled = True
                    raise
                slot.throttled = reply.throttled
            if not (reply.broken and left) or deadline.passed:
                return reply
            log.info("exec %s in pod %s: %s; %d retries left", argv[0], pod, reply.broken, left)
        raise AssertionError("the last try returns or raises")

    def _prepare(self, pod: NamespacedName) -> None:
        with suppress(HarnessError):
            self._places.of(pod)


def _from(container: str, answers: Answers, batch: Batch) -> _Asked:
    """The answers, with the container that gave them where the pod has others."""
    replies = {probe: replace(reply, container=container) for probe, reply in answers.replies.items()}
    return _Asked(replies, answers.slowest / batch.timeout)


def _completed(reply: Reply, lacks: str) -> Reply:
    return replace(reply, detail=f"{reply.detail}; {lacks}") if lacks else reply


def _by_pod(asked: Iterable[tuple[NamespacedName, Probe]]) -> dict[NamespacedName, tuple[Probe, ...]]:
    probes: dict[NamespacedName, list[Probe]] = {}
    for pod, probe in asked:
        probes.setdefault(pod, []).append(probe)
    return {pod: tuple(several) for pod, several in probes.items()}


def _together(first: _Asked, second: _Asked) -> _Asked:
    return _Asked({**first.replies, **second.replies}, max(first.slowness, second.slowness))


def _why(reply: ExecReply) -> str:
    """What may explain missing answers: a broken connection, or the last that was said on stderr."""
    said = reply.stderr.decode("utf-8", "replace").strip().splitlines()
    end = "" if reply.exit_code in (0, None) else f"exit code {reply.exit_code}"
    return "; ".join(filter(None, [reply.broken, end, said[-1][:200] if said else ""]))
