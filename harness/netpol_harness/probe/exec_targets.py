"""Which container of a pod probes run in: one of its own, or a probe container if none of those has the tools.

Invariants: a pod's own containers come first, since they are what the author tests. The targets of a pod are discovered
once and kept until ``forget``. A probe that no target can run is assigned to the first one, with the reason. All
containers of a pod share its network (KEP-277 for ephemeral ones), so that a result holds for the pod whichever of them
the probe ran in. Pods with the same fingerprint, such as those of one image, are discovered once for all.
"""

import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from netpol_harness.errors import ExecFailed, HarnessError, ToolMissing
from netpol_harness.kube.exec import ExecReply
from netpol_harness.model.names import NamespacedName
from netpol_harness.probe.plan import toolbox
from netpol_harness.probe.plan.question import Probe
from netpol_harness.probe.plan.toolbox import Toolbox

SHELL = ("sh",)
NO_SHELL = "there is no sh to run probes with; use an image that has one, or add a container that has"
CONTAINER_REQUIRED = "a container name must be specified"
NO_PROGRAM = ("executable file not found", "no such file or directory", "error finding executable", "executable file `")
"""Messages of container runtimes, in lower case, for a program that an image lacks: runc (twice), gVisor, crun."""

RunCommand = Callable[[NamespacedName, str, Sequence[str], bytes], ExecReply]
"""Runs a program in a container of a pod (empty: its only one) with an input. Raises ``ExecFailed``."""
CanRun = Callable[[Probe, Toolbox], bool]


class PodContainers(Protocol):
    """The containers of pods, as the API shows them; ``ProbeContainers`` implements it.

    ``image``: that of containers added to pods.
    """

    image: str

    def names(self, pod: NamespacedName) -> Sequence[str]:
        """Return the names of the pod's own containers, the default one first."""
        ...

    def fingerprint(self, pod: NamespacedName) -> str:
        """Return a text that is equal for pods whose containers have the same programs; empty if unknown."""
        ...

    def ensure_probe_container(self, pod: NamespacedName) -> str:
        """Return the name of a running container with tools, adding it if needed. Raises ``ToolMissing``."""
        ...


@dataclass(frozen=True, slots=True)
class ExecTarget:
    """A container of a pod (empty: its only own one) and its tools."""

    container: str
    toolbox: Toolbox


@dataclass(frozen=True, slots=True)
class ProbeAssignment:
    """Probes for one target. ``problem``: why there is no better one, if the target cannot run them."""

    target: ExecTarget
    probes: tuple[Probe, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _PodTargets:
    """The targets of a pod: in its own containers, or the reason why there are none, and in a probe container."""

    own: tuple[ExecTarget, ...]
    problem: str = ""
    added: tuple[ExecTarget, ...] = ()

    @property
    def all(self) -> tuple[ExecTarget, ...]:
        return self.own + self.added


class ExecTargets:
    """Discovers and caches the targets of all pods. Safe to share between threads."""

    def __init__(self, run: RunCommand, containers: PodContainers | None) -> None:
        self._run = run
        self._containers = containers
        self._by_pod: dict[NamespacedName, _PodTargets] = {}
        self._named: dict[tuple[NamespacedName, str], ExecTarget] = {}
        self._by_fingerprint: dict[str, _PodTargets] = {}
        self._preferred: dict[str, frozenset[str]] = {}

    def prefer(self, namespace: str, containers: Iterable[str]) -> None:
        """Put containers of these names first in pods of this namespace: an admission webhook may add others."""
        self._preferred[namespace] = frozenset(containers)

    def of(self, pod: NamespacedName) -> tuple[ExecTarget, ...]:
        """Return the pod's targets that were needed so far, at least one.

        Raises ``ToolMissing`` if there is none, and ``ExecFailed`` if no command can be run in the pod.
        """
        self.assign(pod, (), lambda probe, box: True)
        return self._by_pod[pod].all

    def assign(self, pod: NamespacedName, probes: Sequence[Probe], can_run: CanRun) -> tuple[ProbeAssignment, ...]:
        """Assign every probe to the first target that can run it. Raises what ``of`` does.

        No container is added to a pod for the names of servers alone.
        """
        targets = self._by_pod.get(pod) or self._own_targets(pod)
        assignments, rest = _assigned(targets.all, probes, can_run)
        problem = ""
        needs_tools = any(not probe.asks_name for probe in rest)
        if not targets.added and (needs_tools or not targets.own):
            try:
                targets = replace(targets, added=(self._probe_container(pod),))
            except ToolMissing as error:
                problem = str(error)
                if not targets.own:
                    raise ToolMissing(f"pod {pod}: {'; '.join(filter(None, [targets.problem, problem]))}") from error
            more, rest = _assigned(targets.added, rest, can_run)
            assignments += more
        self._by_pod[pod] = targets
        return (*assignments, ProbeAssignment(targets.all[0], rest, problem)) if rest else assignments

    def named(self, pod: NamespacedName, container: str) -> ExecTarget:
        """Return one container of a pod, whatever tools it has. Raises what ``of`` does."""
        key = pod, container
        if key not in self._named:
            try:
                self._named[key] = self._target(pod, container)
            except ToolMissing as error:
                raise ToolMissing(f"pod {pod}: container {container}: {error}") from error
        return self._named[key]

    def __contains__(self, pod: NamespacedName) -> bool:
        """Return whether the pod's targets have been discovered."""
        return pod in self._by_pod

    def forget(self, pod: NamespacedName) -> None:
        """Discover the pod's targets again when they are next needed: it may have been recreated."""
        self._by_pod.pop(pod, None)
        self._named = {key: target for key, target in self._named.items() if key[0] != pod}
        self._by_fingerprint.clear()

    def _own_targets(self, pod: NamespacedName) -> _PodTargets:
        fingerprint = self._containers.fingerprint(pod) if self._containers else ""
        targets = self._by_fingerprint.get(fingerprint) or self._discovered(pod)
        if fingerprint and targets.own:
            self._by_fingerprint[fingerprint] = targets
        return targets

    def _discovered(self, pod: NamespacedName) -> _PodTargets:
        """Look for targets in the pod itself, in each of its containers by name if there are several."""
        names = self._container_names(pod)
        if len(names) > 1:
            return self._discovered_in(pod, names)
        try:
            return _PodTargets((self._target(pod, ""),))
        except ToolMissing as error:
            return _PodTargets((), str(error))
        except ExecFailed as error:
            if CONTAINER_REQUIRED in str(error) and names:
                return self._discovered_in(pod, names)
            raise

    def _discovered_in(self, pod: NamespacedName, names: Sequence[str]) -> _PodTargets:
        targets, problems = [], []
        for name in names:
            try:
                targets.append(self._target(pod, name))
            except ToolMissing as error:
                problems.append(f"container {name}: {error}")
        return _PodTargets(tuple(targets), "; ".join(problems))

    def _container_names(self, pod: NamespacedName) -> Sequence[str]:
        """Return the names of the pod's own containers, preferred ones first; none if it cannot be read.

        ``pod`` may name something that is not a pod, or that we may not read: then commands run without a name.
        """
        if self._containers is None:
            return ()
        with suppress(HarnessError):
            preferred = self._preferred.get(pod.namespace, frozenset())
            return sorted(self._containers.names(pod), key=lambda name: name not in preferred)
        return ()

    def _probe_container(self, pod: NamespacedName) -> ExecTarget:
        if self._containers is None:
            raise ToolMissing("")
        return self._target(pod, self._containers.ensure_probe_container(pod))

    def _target(self, pod: NamespacedName, container: str) -> ExecTarget:
        nonce = fresh_nonce()
        try:
            reply = self._run(pod, container, SHELL, toolbox.discovery(nonce).encode())
        except ExecFailed as error:
            if is_program_missing(str(error)):
                raise ToolMissing(NO_SHELL) from error
            raise
        if failed_without_output(reply):
            raise ToolMissing(NO_SHELL)
        return ExecTarget(container, toolbox.parse(nonce, reply.stdout))


def fresh_nonce() -> str:
    """Return a random word of letters and digits that was not used before."""
    return secrets.token_hex(8)


def is_program_missing(message: str) -> bool:
    """Return whether an exec failed because the container does not have the program."""
    return any(phrase in message.lower() for phrase in NO_PROGRAM)


def failed_without_output(reply: ExecReply) -> bool:
    """Return whether the program failed at once: programs of ours write something and exit with 0."""
    return reply.exit_code not in (0, None) and not reply.stdout.strip()


def _assigned(
    targets: Sequence[ExecTarget], probes: Sequence[Probe], can_run: CanRun
) -> tuple[tuple[ProbeAssignment, ...], tuple[Probe, ...]]:
    """Return an assignment for each target that can run some of the probes, and the probes that none can run."""
    assignments, rest = [], tuple(probes)
    for target in targets:
        runnable = tuple(probe for probe in rest if can_run(probe, target.toolbox))
        rest = tuple(probe for probe in rest if probe not in runnable)
        assignments += [ProbeAssignment(target, runnable)] if runnable else []
    return tuple(assignments), rest
