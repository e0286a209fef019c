"""Identify the server that answers: one that gives its name to its own pod must give the same name to others.

Test servers answer ``GET /hostname``, or the datagram ``hostname``, with the name of their pod. The target's own pods
are asked too. If the answer there is the pod's name, a source that gets another answer, or none, was not connected to
the target. Servers that do not support the request are not identified. The requests are part of rounds that probe
anyway (``probe.rounds``).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.plan.question import PodProbe, Question
from netpol_harness.probe.prober import Replies
from netpol_harness.results.evidence import Identity, Reply

SCHEMES = (Scheme.TCP, Scheme.HTTP, Scheme.UDP)
"""Schemes over which servers give their names."""

SILENCES = 3
"""How often a listener is asked that does not answer its own pod: it may be slow."""


@dataclass(frozen=True, slots=True)
class NameRequests:
    """The requests for names in one round.

    ``listeners``: those that are not known yet, from inside their pods. ``askers``: by question, the question from
    whose source the name is asked for both; it has the same source and the same target pods.
    """

    listeners: frozenset[PodProbe] = frozenset()
    askers: Mapping[Question, Question] = field(default_factory=dict)

    @property
    def pairs(self) -> Iterator[PodProbe]:
        """Yield all requests as probes of pods, each once."""
        yield from self.listeners
        yield from dict.fromkeys(named((asker.source, asker.probe)) for asker in self.askers.values())


class Identification:
    """Knows which listeners give their names. Rounds of several threads may share it."""

    def __init__(self) -> None:
        self._gives_name: dict[PodProbe, bool] = {}
        self._silences: Counter[PodProbe] = Counter()

    def requests(
        self, questions: Iterable[Question], controlled: Collection[Question], *, per_pod: bool
    ) -> NameRequests:
        """Return the requests of a round with ``questions``: those of listeners, and of the sources in ``controlled``.

        ``per_pod``: one request for all ports of a target's pods over the same protocol, and only if it is known that
        the listener gives its name.
        """
        listeners = {check for question in questions for check in _listeners(question)} - self._gives_name.keys()
        if per_pod:
            return NameRequests(frozenset(listeners), _shared(filter(self._all_give_names, controlled)))
        askers = {
            q: q for q in controlled if _listeners(q) and all(self._gives_name.get(c, True) for c in _listeners(q))
        }
        return NameRequests(frozenset(listeners), askers)

    def identities(self, requests: NameRequests, replies: Replies) -> Mapping[Question, Identity]:
        """Return the identities that the replies of a round show, of servers whose listeners all give their names."""
        for listener in requests.listeners:
            self._learn(listener, replies.get(listener))
        return {
            question: Identity(_name(reply), frozenset(pod.name for pod, _ in question.liveness_checks))
            for question, asker in requests.askers.items()
            if self._all_give_names(asker) and (asker is question or _is_open(asker, replies))
            for reply in [replies.get(named((asker.source, asker.probe)))]
            if reply is None or _could_ask(reply)
        }

    def _all_give_names(self, question: Question) -> bool:
        listeners = _listeners(question)
        return bool(listeners) and all(self._gives_name.get(listener, False) for listener in listeners)

    def _learn(self, listener: PodProbe, reply: Reply | None) -> None:
        if reply is not None and reply.outcome is Outcome.CONNECTED:
            self._gives_name[listener] = reply.detail == listener[0].name
            return
        self._silences[listener] += 1
        if self._silences[listener] >= SILENCES:
            self._gives_name[listener] = False


def named(pair: PodProbe) -> PodProbe:
    """Return the probe that asks for the name, instead of a pod's probe. It is the same for TCP and HTTP."""
    pod, probe = pair
    scheme = Scheme.UDP if probe.scheme is Scheme.UDP else Scheme.TCP
    return pod, replace(probe, scheme=scheme, source_port=0, udp_service=None, addresses=frozenset(), asks_name=True)


def _listeners(question: Question) -> tuple[PodProbe, ...]:
    """Return the requests to a question's listeners; none if it is not about them, or not about new connections.

    Datagrams from a chosen port belong to the flow that had it before, and a policy may close new ones only.
    """
    asks_name_server = question.expected is Expected.UNRESOLVED
    is_old_flow = question.probe.connection or (question.probe.scheme is Scheme.UDP and question.probe.source_port)
    if question.probe.scheme not in SCHEMES or is_old_flow or asks_name_server:
        return ()
    return tuple(map(named, question.liveness_checks))


def _shared(questions: Iterable[Question]) -> Mapping[Question, Question]:
    """Return the first question of the same source, target pods and protocol, for each."""
    first: dict[object, Question] = {}
    return {
        q: first.setdefault((q.source, q.probe.scheme.protocol, frozenset(pod for pod, _ in q.liveness_checks)), q)
        for q in questions
    }


def _is_open(asker: Question, replies: Replies) -> bool:
    """Return whether the probe of an asker was not denied in the same round, if it was part of it."""
    reply = replies.get((asker.source, asker.probe))
    return reply is None or reply.outcome is Outcome.CONNECTED


def _name(reply: Reply | None) -> str:
    return reply.detail if reply is not None and reply.outcome is Outcome.CONNECTED else ""


def _could_ask(reply: Reply) -> bool:
    """Return whether the source had a tool to ask with."""
    return reply.outcome is not Outcome.PROBE_FAILED or bool(reply.tool)
