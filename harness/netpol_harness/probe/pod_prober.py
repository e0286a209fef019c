"""All probes of one pod: by the python script if asked for and possible, else by command-line tools in its targets.

Invariant: every probe gets one reply, and nothing is raised for a broken pod: what went wrong becomes PROBE_FAILED with
the reason.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from netpol_harness.errors import ExecFailed, HarnessError
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Outcome
from netpol_harness.probe import python_script
from netpol_harness.probe.batch_runner import BatchRunner
from netpol_harness.probe.exec_targets import SHELL, ExecTargets, ProbeAssignment, fresh_nonce
from netpol_harness.probe.plan import script
from netpol_harness.probe.plan.commands import CommandRequest, command_for
from netpol_harness.probe.plan.frames import canonical_address
from netpol_harness.probe.plan.question import Probe
from netpol_harness.probe.plan.script import Answers, Batch
from netpol_harness.probe.plan.toolbox import Tool, Toolbox
from netpol_harness.results.evidence import Reply


class ProbeMethod(StrEnum):
    """How to probe: CLI runs what a user would type; PYTHON is faster, for addresses, if a container has python3."""

    CLI = "cli"
    PYTHON = "python"


@dataclass(frozen=True, slots=True)
class ProbeOptions:
    """How the probes of one round run: ``timeout`` seconds each, at most ``width`` commands at once in a pod."""

    method: ProbeMethod
    timeout: float
    width: int


@dataclass(frozen=True, slots=True)
class PodReplies:
    """The replies of one pod; ``slowness``: the longest that anything which answered took, as a part of its time."""

    replies: Mapping[Probe, Reply]
    slowness: float = 0.0

    def __or__(self, other: "PodReplies") -> "PodReplies":
        return PodReplies({**self.replies, **other.replies}, max(self.slowness, other.slowness))


class PodProber:
    """Runs the probes of single pods. Safe to share between threads, one thread per pod at a time.

    ``tool`` forces one tool for command-line probes.
    """

    def __init__(self, runner: BatchRunner, targets: ExecTargets, tool: Tool | None) -> None:
        self._runner = runner
        self._targets = targets
        self._tool = tool
        self._python_containers: dict[NamespacedName, str | None] = {}
        self._addresses: dict[NamespacedName, frozenset[str]] = {}

    def expect_addresses(self, addresses: Mapping[NamespacedName, Collection[str]]) -> None:
        """Accept replies of these pods only from a network with one of their addresses; from any if there is none."""
        self._addresses |= {pod: frozenset(map(canonical_address, own)) for pod, own in addresses.items()}

    def can_use_python(self, pod: NamespacedName) -> bool:
        """Return whether the python script runs in the pod, as far as is known."""
        return self._python_containers.get(pod, "") is not None

    def probe(self, pod: NamespacedName, probes: tuple[Probe, ...], options: ProbeOptions) -> PodReplies:
        """Run the probes, one exec after the other; those of paths that name a container run there alone."""
        free = tuple(probe for probe in probes if not probe.container)
        replies = self._probe_free(pod, free, options) if free else PodReplies({})
        for container in dict.fromkeys(probe.container for probe in probes if probe.container):
            own = tuple(probe for probe in probes if probe.container == container)
            replies |= self._in_container(pod, container, own, options)
        return replies

    def _probe_free(self, pod: NamespacedName, probes: tuple[Probe, ...], options: ProbeOptions) -> PodReplies:
        try:
            if options.method is ProbeMethod.PYTHON and self.can_use_python(pod):
                return self._by_python(pod, probes, options)
            return self._by_tools(pod, probes, options)
        except HarnessError as error:
            self._python_containers.pop(pod, None)
            self._targets.forget(pod)
            return PodReplies({probe: Reply(Outcome.PROBE_FAILED, str(error)) for probe in probes})
        except Exception as error:  # noqa: BLE001  # a defect in one pod's answer must not fail all the others
            reply = Reply(Outcome.PROBE_FAILED, f"{type(error).__name__}: {error}")
            return PodReplies(dict.fromkeys(probes, reply))

    def _by_python(self, pod: NamespacedName, probes: tuple[Probe, ...], options: ProbeOptions) -> PodReplies:
        """Use the python script for what it supports, tools for the rest, and for everything if there is no python3."""
        supported = tuple(probe for probe in probes if python_script.supports(probe))
        rest = tuple(probe for probe in probes if not python_script.supports(probe))
        by_tools = self._by_tools(pod, rest, options) if rest else PodReplies({})
        if not supported:
            return by_tools
        waves = -(-len(supported) // python_script.AT_ONCE)
        for container in self._containers_with_python(pod):
            batch = python_script.compose(supported, timeout=options.timeout, nonce=fresh_nonce())
            answers = self._runner.run(pod, container, python_script.ARGV, batch, waves=waves)
            if answers is not None:
                self._python_containers[pod] = container
                return by_tools | self._replies(pod, container, answers, batch)
        self._python_containers[pod] = None
        return self._by_tools(pod, probes, options)

    def _containers_with_python(self, pod: NamespacedName) -> Iterator[str]:
        """Yield where to try the script: where it last ran, else the pod's own container, then targets with python3."""
        known = self._python_containers.get(pod)
        yield known or ""
        if known is None:
            targets = self._targets.of(pod)
            yield from (target.container for target in targets if target.container and _has_python(target.toolbox))

    def _by_tools(self, pod: NamespacedName, probes: tuple[Probe, ...], options: ProbeOptions) -> PodReplies:
        """Use command-line tools; targets that no longer work are discovered again, as the pod may be a new one."""
        cached = pod in self._targets
        try:
            return self._in_targets(pod, probes, options)
        except ExecFailed:
            self._targets.forget(pod)
            if not cached:
                raise
            return self._in_targets(pod, probes, options)

    def _in_targets(self, pod: NamespacedName, probes: tuple[Probe, ...], options: ProbeOptions) -> PodReplies:
        def can_run(probe: Probe, toolbox: Toolbox) -> bool:
            return command_for(CommandRequest(probe, toolbox, options.timeout, ""), self._tool) is not None

        replies = PodReplies({})
        for assignment in self._targets.assign(pod, probes, can_run):
            replies |= self._in_target(pod, assignment, options)
        return replies

    def _in_container(
        self, pod: NamespacedName, container: str, probes: tuple[Probe, ...], options: ProbeOptions
    ) -> PodReplies:
        """Run probes in one container, found again if it is a new one: the pod may have been recreated."""
        reason = f"the path names container {container}, so that no other is used"
        problem = ""
        for _ in range(2):
            try:
                assignment = ProbeAssignment(self._targets.named(pod, container), probes, reason)
                return self._in_target(pod, assignment, options)
            except HarnessError as error:
                problem = str(error)
                self._targets.forget(pod)
        return PodReplies(dict.fromkeys(probes, Reply(Outcome.PROBE_FAILED, problem)))

    def _in_target(self, pod: NamespacedName, assignment: ProbeAssignment, options: ProbeOptions) -> PodReplies:
        target, probes, width = assignment.target, assignment.probes, options.width
        nonce = fresh_nonce()
        batch = script.compose(
            probes, target.toolbox, timeout=options.timeout, width=width, nonce=nonce, tool=self._tool
        )
        if not batch.commands:
            return PodReplies({p: _with_problem(reply, assignment.problem) for p, reply in batch.unsupported.items()})
        answers = self._runner.run(pod, target.container, SHELL, batch, waves=-(-len(probes) // width) + 1)
        if answers is None:
            raise ExecFailed(f"the shell of pod {pod} does not run any more; was the pod recreated?")
        return self._replies(pod, target.container, answers, batch)

    def _replies(self, pod: NamespacedName, container: str, answers: Answers, batch: Batch) -> PodReplies:
        replies = {probe: replace(reply, container=container) for probe, reply in answers.replies.items()}
        expected = self._addresses.get(pod)
        if expected and answers.addresses and not expected & answers.addresses:
            problem = (
                f"the command ran in another pod: its network has {', '.join(sorted(answers.addresses))}, "
                f"and {pod} has {', '.join(sorted(expected))}"
            )
            replies = {p: replace(reply, outcome=Outcome.PROBE_FAILED, detail=problem) for p, reply in replies.items()}
        return PodReplies(replies, answers.slowest / batch.timeout)


def _has_python(toolbox: Toolbox) -> bool:
    return Tool.PYTHON in toolbox.tools


def _with_problem(reply: Reply, problem: str) -> Reply:
    return replace(reply, detail=f"{reply.detail}; {problem}") if problem else reply
