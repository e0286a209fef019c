"""Where in a pod to ask from: its own container, or a probe container where the own ones have no shell or no tool.

Invariants: a pod's own container comes first, since it is what the author is testing; a place is found out once and
then kept, until it turns out to be gone; a probe that no place can ask is given to the first one, which says so.
All containers of a pod share its network (KEP-277 for ephemeral ones), so that an answer is the pod's own wherever in
it the question was asked. Pods of one kind, as those of the same image, are looked at once for all.
"""

import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from netpol_harness.errors import ExecFailed, HarnessError, ToolMissing
from netpol_harness.kube.exec import ExecReply
from netpol_harness.model.names import NamespacedName
from netpol_harness.probe import toolbox
from netpol_harness.probe.question import Probe
from netpol_harness.probe.toolbox import Toolbox

SHELL = ("sh",)
NO_SHELL = "there is no sh to run probes with; use an image that has one, or add a container that has"
CONTAINER_REQUIRED = "a container name must be specified"
NO_PROGRAM = ("executable file not found", "no such file or directory", "error finding executable", "executable file `")
"""What container runtimes say, in lower case, of a program that an image lacks: runc (twice), gVisor, crun."""

Run = Callable[[NamespacedName, str, Sequence[str], bytes], ExecReply]
"""Runs a program in a container of a pod (empty: its only one) with an input. Raises ``ExecFailed``."""
CanAsk = Callable[[Probe, Toolbox], bool]


class Containers(Protocol):
    """What can be found out, and done, about a pod's containers; ``ProbeContainers`` is one.

    ``image`` is what containers that are added to pods are made of.
    """

    image: str

    def own(self, pod: NamespacedName) -> Sequence[str]:
        """The names of the pod's own containers, the preferred one first."""
        ...

    def kind(self, pod: NamespacedName) -> str:
        """What its own containers' programs depend on: pods of one kind have the same. Empty where that is unknown."""
        ...

    def container(self, pod: NamespacedName) -> str:
        """The name of a container in the pod that has the tools and runs. Raises ``ToolMissing``."""
        ...


@dataclass(frozen=True, slots=True)
class ExecTarget:
    """A container of a pod (empty: its only own one) and what it has."""

    container: str
    toolbox: Toolbox


@dataclass(frozen=True, slots=True)
class ProbeAssignment:
    """Probes for one place. ``lacks``: why there is no better one, where the place cannot ask them."""

    place: ExecTarget
    probes: tuple[Probe, ...]
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    """What a pod has: places in its own containers, why there is none, and one in a probe container."""

    own: tuple[ExecTarget, ...]
    why: str = ""
    spare: tuple[ExecTarget, ...] = ()


class ExecTargets:
    """Finds and remembers the places of all pods. Safe to share between threads."""

    def __init__(self, run: Run, containers: Containers | None) -> None:
        self._run = run
        self._containers = containers
        self._found: dict[NamespacedName, _Found] = {}
        self._kinds: dict[str, _Found] = {}
        self._written: dict[str, frozenset[str]] = {}

    def prefer(self, namespace: str, containers: Iterable[str]) -> None:
        """In pods of this namespace, ask first from the containers of these names: an admission may add others."""
        self._written[namespace] = frozenset(containers)

    def of(self, pod: NamespacedName) -> tuple[ExecTarget, ...]:
        """The pod's places as far as they were needed, at least one.

        Raises ``ToolMissing`` where there is none, and ``ExecFailed`` where the pod cannot be asked anything.
        """
        self.share(pod, (), lambda probe, box: True)
        found = self._found[pod]
        return found.own + found.spare

    def share(self, pod: NamespacedName, probes: Sequence[Probe], can_ask: CanAsk) -> tuple[ProbeAssignment, ...]:
        """Every probe to the first place that can ask it. Raises what ``of`` does."""
        found = self._found.get(pod) or self._look(pod)
        shares, left = _divided(found.own + found.spare, probes, can_ask)
        lacks = ""
        if not found.spare and (left or not found.own):
            try:
                found = replace(found, spare=(self._spare(pod),))
            except ToolMissing as error:
                lacks = str(error)
                if not found.own:
                    raise ToolMissing(f"pod {pod}: {'; '.join(filter(None, [found.why, lacks]))}") from error
            more, left = _divided(found.spare, left, can_ask)
            shares += more
        self._found[pod] = found
        return (*shares, ProbeAssignment((found.own + found.spare)[0], left, lacks)) if left else shares

    def knows(self, pod: NamespacedName) -> bool:
        """Whether the pod's places have been found out."""
        return pod in self._found

    def forget(self, pod: NamespacedName) -> None:
        """Find out anew when next asked: the pod is not what it was."""
        self._found.pop(pod, None)
        self._kinds.clear()

    def _look(self, pod: NamespacedName) -> _Found:
        """The pod's own places: what was found in a pod of its kind needs no looking for."""
        kind = self._containers.kind(pod) if self._containers else ""
        found = self._kinds.get(kind) or self._explored(pod)
        if kind and found.own:
            self._kinds[kind] = found
        return found

    def _explored(self, pod: NamespacedName) -> _Found:
        """What is in the pod itself. Where it has several containers each is asked by its name."""
        names = self._names(pod)
        if len(names) > 1:
            return self._among(pod, names)
        try:
            return _Found((self._place(pod, ""),))
        except ToolMissing as error:
            return _Found((), str(error))
        except ExecFailed as error:
            if CONTAINER_REQUIRED in str(error) and names:
                return self._among(pod, names)
            raise

    def _among(self, pod: NamespacedName, names: Sequence[str]) -> _Found:
        places, reasons = [], []
        for name in names:
            try:
                places.append(self._place(pod, name))
            except ToolMissing as error:
                reasons.append(f"container {name}: {error}")
        return _Found(tuple(places), "; ".join(reasons))

    def _names(self, pod: NamespacedName) -> Sequence[str]:
        """The names of its own containers, those that an author wrote before those that somebody has added."""
        if self._containers is None:
            return ()
        with suppress(HarnessError):  # it may be no pod, or not ours to look at: then it is asked as it is
            written = self._written.get(pod.namespace, frozenset())
            return sorted(self._containers.own(pod), key=lambda name: name not in written)
        return ()

    def _spare(self, pod: NamespacedName) -> ExecTarget:
        if self._containers is None:
            raise ToolMissing("")
        return self._place(pod, self._containers.container(pod))

    def _place(self, pod: NamespacedName, container: str) -> ExecTarget:
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
    """A word that nobody has used before."""
    return secrets.token_hex(8)


def is_program_missing(message: str) -> bool:
    """Whether an exec failed because the container does not have the program."""
    return any(words in message.lower() for words in NO_PROGRAM)


def failed_without_output(reply: ExecReply) -> bool:
    """Whether the program did nothing but fail: what we run says something, and ends with success."""
    return reply.exit_code not in (0, None) and not reply.stdout.strip()


def _divided(
    places: Sequence[ExecTarget], probes: Sequence[Probe], can_ask: CanAsk
) -> tuple[tuple[ProbeAssignment, ...], tuple[Probe, ...]]:
    """A share for each place that can ask something, and the probes that none can."""
    shares, left = [], tuple(probes)
    for place in places:
        able = tuple(probe for probe in left if can_ask(probe, place.toolbox))
        left = tuple(probe for probe in left if probe not in able)
        shares += [ProbeAssignment(place, able)] if able else []
    return tuple(shares), left
