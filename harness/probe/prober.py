"""Asking pods: one exec for each source pod carries all its probes, all pods at once, and every probe gets one reply.

Invariants: ``observe`` answers every probe exactly once and never raises for a broken pod; what went wrong becomes
PROBE_FAILED with the reason. Silence counts only where the round shows that an answer would have come in time: when
anything that did answer took more than half of the time-out, a pod's own pulse included, what was silent is asked again
with twice the time and half the parallelism, up to ``SLOWEST_PACE``, and is PROBE_FAILED if that is still too little.
The pace falls again when the pods are quick. A slow machine therefore costs time and never makes a denial.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from harness.errors import ExecFailed, HarnessError, ToolMissing
from harness.kube.exec import Exec, ExecReply
from harness.matrix.evidence import Reply
from harness.matrix.outcome import Outcome
from harness.model.flow import PodRef
from harness.probe import agent, script, toolbox
from harness.probe.question import Probe
from harness.probe.script import Answers, Batch
from harness.probe.toolbox import Tool, Toolbox
from harness.settings import Deadline

SHELL = ("sh",)
NO_SHELL = "there is no sh to run probes with; use an image that has one, or add a container that has"
STARTS_PER_SECOND = 400
"""Typed probes, each a process or three, that two cores start in a second. Pods may share one machine, so that no more
run at once than are started in half a probe's time-out: else a probe's time would run out before its tool runs."""
WIDEST, NARROWEST = 32, 2
SLOW, QUICK = 1 / 2, 1 / 8
"""Parts of the time-out: above the first a round is too slow to trust its silence, below the second it is quick."""
SLOWEST_PACE = 8

Replies = Mapping[tuple[PodRef, Probe], Reply]
Batches = Mapping[PodRef, Sequence[Probe]]


class Means(StrEnum):
    """How to ask: TYPED is what a user would type; AGENT is faster, for addresses, where a container has python3."""

    TYPED = "typed"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class _Asked:
    """One pod's answers, and the longest that anything which answered took there, as a part of the time-out."""

    replies: Mapping[Probe, Reply]
    slowness: float = 0.0


class Prober:
    """Asks through ``exec``; may be shared between threads.

    ``timeout``: seconds for one probe; ``exec_timeout``: seconds that a batch may take beyond its probes' own time;
    ``concurrency``: pods asked at once; ``tool`` forces one tool for typed probes.
    """

    def __init__(
        self, exec: Exec, *, timeout: float, exec_timeout: float, concurrency: int = 64, tool: Tool | None = None
    ) -> None:
        self._exec = exec
        self._timeout = timeout
        self._exec_timeout = exec_timeout
        self._concurrency = max(1, concurrency)
        self._tool = tool
        self._pace = 1
        self._toolboxes: dict[PodRef, Toolbox] = {}
        self._without_agent: set[PodRef] = set()

    @property
    def timeout(self) -> float:
        """Seconds that one probe gets at the present pace."""
        return self._timeout * self._pace

    def observe(self, batches: Batches, means: Means = Means.TYPED) -> Replies:
        """Ask all probes of all pods; one that is listed twice is asked once.

        What was silent in a round that was too slow is asked again with more time, up to the slowest pace.
        """
        work = {pod: tuple(dict.fromkeys(probes)) for pod, probes in batches.items() if probes}
        replies: dict[tuple[PodRef, Probe], Reply] = {}
        pace = 0
        while work and pace < SLOWEST_PACE:
            pace = max(self._pace, pace + 1)
            seen, doubt = self._round(work, means)
            replies.update({key: script.doubted(reply, doubt) for key, reply in seen.items()} if doubt else seen)
            work = _by_pod(key for key, reply in seen.items() if reply.outcome in script.SILENT) if doubt else {}
        return replies

    def _round(self, work: Mapping[PodRef, tuple[Probe, ...]], means: Means) -> tuple[Replies, str]:
        """One reply for each probe, and why its silence means nothing (empty: it does)."""
        if self._without_agent.issuperset(work):
            means = Means.TYPED
        at_once, width = self._breadth(work, means)
        asked = self._all_at_once(at_once, work, means, width)
        slowest = max(asked, key=lambda pod: asked[pod].slowness)
        self._adapt(asked[slowest].slowness)
        slow = asked[slowest].slowness > SLOW
        replies = {(pod, probe): reply for pod, answers in asked.items() for probe, reply in answers.replies.items()}
        return replies, f"pod {slowest} was too slow for silence to mean anything" if slow else ""

    def _all_at_once(
        self, at_once: int, work: Mapping[PodRef, tuple[Probe, ...]], means: Means, width: int
    ) -> dict[PodRef, _Asked]:
        pool = ThreadPoolExecutor(at_once, thread_name_prefix="probe")
        try:
            futures = {pod: pool.submit(self._ask, pod, probes, means, width) for pod, probes in work.items()}
            return {pod: future.result() for pod, future in futures.items()}
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _breadth(self, work: Mapping[PodRef, tuple[Probe, ...]], means: Means) -> tuple[int, int]:
        """How many pods at once, and how many typed probes at once in each: all, where they are few."""
        probes = int(STARTS_PER_SECOND * self._timeout / 2) // self._pace
        most = self._concurrency if means is Means.AGENT else min(self._concurrency, probes // NARROWEST)
        at_once = max(1, min(most, len(work)))
        few = sum(map(len, work.values())) <= probes
        return at_once, WIDEST if few else max(NARROWEST, min(WIDEST, probes // at_once))

    def _adapt(self, slowness: float) -> None:
        if slowness > SLOW:
            self._pace = min(self._pace * 2, SLOWEST_PACE)
        elif slowness < QUICK:
            self._pace = max(self._pace // 2, 1)

    def _ask(self, pod: PodRef, probes: tuple[Probe, ...], means: Means, width: int) -> _Asked:
        """Everything for one pod, one exec after the other; whatever breaks becomes the reason of its replies."""
        try:
            if means is Means.AGENT and pod not in self._without_agent:
                return self._by_agent(pod, probes, width)
            return self._typed(pod, probes, width)
        except HarnessError as error:
            return _Asked({probe: Reply(Outcome.PROBE_FAILED, str(error)) for probe in probes})
        except Exception as error:  # noqa: BLE001  # a defect in one pod's answer must not take all the others along
            return _Asked({probe: Reply(Outcome.PROBE_FAILED, f"{type(error).__name__}: {error}") for probe in probes})

    def _by_agent(self, pod: PodRef, probes: tuple[Probe, ...], width: int) -> _Asked:
        """The agent for what it can ask, the typed tools for the rest, and for all where there is no python3."""
        fast = tuple(probe for probe in probes if agent.can_ask(probe))
        rest = tuple(probe for probe in probes if not agent.can_ask(probe))
        typed = self._typed(pod, rest, width) if rest else _Asked({})
        if not fast:
            return typed
        batch = agent.compose(fast, timeout=self.timeout, nonce=_nonce())
        answers = self._run(pod, agent.ARGV, batch, waves=-(-len(fast) // agent.AT_ONCE))
        if answers is None:  # no python3, or one that cannot run the agent
            self._without_agent.add(pod)
            return self._typed(pod, probes, width)
        return _together(typed, _Asked(answers.replies, answers.slowest / batch.timeout))

    def _typed(self, pod: PodRef, probes: tuple[Probe, ...], width: int) -> _Asked:
        tools = self._toolbox(pod)
        batch = script.compose(probes, tools, timeout=self.timeout, width=width, nonce=_nonce(), tool=self._tool)
        answers = self._run(pod, SHELL, batch, waves=-(-len(probes) // width) + 1)
        if answers is None:
            self._toolboxes.pop(pod, None)
            raise ExecFailed(f"the shell of pod {pod} does not run any more; was the pod made anew?")
        return _Asked(answers.replies, answers.slowest / batch.timeout)

    def _run(self, pod: PodRef, argv: Sequence[str], batch: Batch, *, waves: int) -> Answers | None:
        """One exec of a batch, which may take ``waves`` times the time-out; ``None`` where ``argv`` cannot be run."""
        deadline = Deadline(self._exec_timeout + 2 * waves * batch.timeout)
        try:
            reply = self._exec(pod, argv, stdin=batch.text.encode(), deadline=deadline)
        except ExecFailed as error:
            if _not_found(str(error)):
                return None
            raise
        if _cannot_run(reply):
            return None
        return script.read(batch, reply.stdout, why_lost=_why(reply))

    def _toolbox(self, pod: PodRef) -> Toolbox:
        """The tools of a pod's container, found out once. Raises ``ToolMissing``."""
        known = self._toolboxes.get(pod)
        if known is not None:
            return known
        nonce = _nonce()
        stdin, deadline = toolbox.discovery(nonce).encode(), Deadline(self._exec_timeout)
        try:
            reply = self._exec(pod, SHELL, stdin=stdin, deadline=deadline)
            if _cannot_run(reply):
                raise ToolMissing(NO_SHELL)
            return self._toolboxes.setdefault(pod, toolbox.parse(nonce, reply.stdout))
        except ToolMissing as error:
            raise ToolMissing(f"pod {pod}: {error}") from error
        except ExecFailed as error:
            if not _not_found(str(error)):
                raise
            raise ToolMissing(f"pod {pod}: {NO_SHELL}") from error


def _by_pod(asked: Iterable[tuple[PodRef, Probe]]) -> dict[PodRef, tuple[Probe, ...]]:
    probes: dict[PodRef, list[Probe]] = {}
    for pod, probe in asked:
        probes.setdefault(pod, []).append(probe)
    return {pod: tuple(several) for pod, several in probes.items()}


def _nonce() -> str:
    return secrets.token_hex(8)


def _together(first: _Asked, second: _Asked) -> _Asked:
    return _Asked({**first.replies, **second.replies}, max(first.slowness, second.slowness))


def _not_found(message: str) -> bool:
    return any(words in message for words in ("executable file not found", "no such file or directory"))


def _cannot_run(reply: ExecReply) -> bool:
    """Whether the program did nothing but fail: batches say something, and end with success."""
    return reply.exit_code not in (0, None) and not reply.stdout.strip()


def _why(reply: ExecReply) -> str:
    """What may explain missing answers: a broken connection, or the last that was said on stderr."""
    said = reply.stderr.decode("utf-8", "replace").strip().splitlines()
    end = "" if reply.exit_code in (0, None) else f"exit code {reply.exit_code}"
    return "; ".join(filter(None, [reply.broken, end, said[-1][:200] if said else ""]))
