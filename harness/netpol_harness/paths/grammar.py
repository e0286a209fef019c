r"""The syntax of a path, ``[MODE] SOURCE -> TARGET``, without knowledge of the names.

    MODE    held | first | throughout         see ``paths.path.ProbeMode``
    SOURCE  SET | POD[\[CONTAINER\]][:PORT] | node(NAMES) | EXTERNAL
    POD     NAMES | pod(NAMES)
    NAMES   [NAMESPACE/]WORKLOAD[/REPLICA]    all pods of a workload, or one by its index; that of a StatefulSet is
                                              also WORKLOAD-INDEX
    TARGET  [tcp://|http://|https://|udp://|sctp://|icmp://]TERM[:PORTS]
    TERM    SET                               all workloads of the set that serve the port
            [NAMESPACE/]NAME                  a Service (by DNS name), a workload or external host (by address)
            NAMES | pod(NAMES)                pods by address; with pod() also if a Service has the same name
            service([NAMESPACE/]NAME)         the Service, if a workload has the same name; NAME alone
                                              is enough with a port of the Service
            NAME.NAMESPACE.svc[.cluster.local]  the Service by its full DNS name
            ip([NAMESPACE/]SERVICE)           the Service's ClusterIP
            node(NAMES)                       the node on which the pod runs
            a.b.c.d | [v6]                    an address
            dns | api                         the cluster's name server, over UDP without a scheme, and its API server,
                                              unless an object is called so
    SET     [NAMESPACE/]any                   all workloads
            [NAMESPACE/]KEY=VALUE[,KEY=VALUE]   the workloads with these labels
    PORTS   NUMBER | NAME | NUMBER-NUMBER     one port or a range; NAME is that of a container's or a Service's port
            {PORTS,...}                       several of these

A source's port is the one that the probe binds, over TCP or UDP only. ``icmp://`` takes no port; with ``http://`` port
80 may be omitted, with ``https://`` port 443; ``dns`` and ``api`` have ports of their own; all others need one. A held
connection is probed repeatedly, over ``http://`` or ``udp://``.
"""

import re
from dataclasses import dataclass

from netpol_harness.paths.diagnostics import Place, Problem, ProblemWithoutPlace, suggest
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import ProbeMode, Scheme
from netpol_harness.paths.port_terms import PortRange, PortTerm, port_number, port_terms
from netpol_harness.paths.terms import NAME, Term, source_term, target_term

_SOURCE = re.compile(r"(?:(?P<mode>\S+)\s+)?(?P<term>[^:\s]+)(?::(?P<port>\S*))?")
_TARGET = re.compile(
    rf"""(?:(?P<scheme>[^:/()\[\]{{}}=]*)://)?
    (?P<term>[a-z]+\([^()]*\) | \[[^\[\]]*\] | [^:\s()\[\]{{}}]*=[^:\s()\[\]{{}}/]* | {NAME}(?:/{NAME})?(?:/[0-9]+)?)
    (?::(?P<ports>\{{[^{{}}]*\}}|[^/]*))?
    (?P<tail>/.*)?""",
    re.VERBOSE,
)
_MODES = tuple(mode for mode in ProbeMode if mode)
_SHAPE = "write it as SOURCE -> TARGET, such as web-pod -> db-service:3306"
_TARGETS = "write [scheme://][namespace/]name:port, ip(service):port, node(pod):port or address:port"
_DEFAULT_PORTS = {Scheme.HTTP: 80, Scheme.HTTPS: 443}


@dataclass(frozen=True, slots=True)
class Specificity:
    """How specific the two ends of a line are: 0 all workloads, 1 those of a narrower set, 2 a single object."""

    source: int
    target: int

    def exceeds(self, other: "Specificity") -> bool:
        """Whether this one is higher for one end, and lower for none."""
        return self != other and self.source >= other.source and self.target >= other.target


@dataclass(frozen=True, slots=True)
class Sentence:
    """One line of a step's ``paths``, parsed but not resolved.

    ``left`` and ``right`` are the two sides as the author wrote them, with single spaces. ``prefix`` is the scheme with
    ``://``, or empty. ``ports`` is empty for ICMP, and if the target may have a port of its own. ``source_port`` is 0
    for any port.
    """

    place: Place
    expected: Expected
    source: Term
    scheme: Scheme
    target: Term
    ports: tuple[PortTerm, ...]
    left: str
    right: str
    prefix: str
    mode: ProbeMode = ProbeMode.NEW
    source_port: int = 0

    @property
    def text(self) -> str:
        """The canonical spelling: the author's, with single spaces around the arrow."""
        return f"{self.left} -> {self.right}"

    @property
    def is_wildcard(self) -> bool:
        """Whether an end stands for every workload of a set, so that written paths override the line."""
        return self.source.is_set or self.target.is_set

    @property
    def left_prefix(self) -> str:
        """The text before the source: the probe mode and a space, or nothing."""
        return f"{self.mode} " if self.mode else ""

    @property
    def specificity(self) -> "Specificity":
        """How specific its ends are."""
        return Specificity(*(0 if end.is_everything else 1 if end.is_set else 2 for end in (self.source, self.target)))


def parse(text: str, expected: Expected, place: Place) -> Sentence | Problem:
    """Read one path. Never raises."""
    try:
        return _sentence(text, expected, place)
    except ProblemWithoutPlace as problem:
        return problem.at(place)


def _sentence(text: str, expected: Expected, place: Place) -> Sentence:
    sides = [side.strip() for side in text.split("->")]
    if len(sides) != 2 or not all(sides):
        raise ProblemWithoutPlace(f"'{text}' is not a path", _SHAPE)
    left, right = " ".join(sides[0].split()), "".join(sides[1].split()) if "{" in sides[1] else sides[1]
    match = _TARGET.fullmatch(right)
    if match is None:
        raise ProblemWithoutPlace(f"'{right}' is not a target", _TARGETS)
    mode, source, source_port = _source(left)
    if match["tail"]:
        raise ProblemWithoutPlace(
            f"'{right}' continues after the port", f"remove '{match['tail']}': a path is a connection only"
        )
    scheme = _scheme(match["scheme"])
    target = target_term(match["term"])
    ports = _ports(match["ports"], scheme, target, right)
    prefix = f"{match['scheme']}://" if match["scheme"] else ""
    sentence = Sentence(place, expected, source, scheme, target, ports, left, right, prefix, mode, source_port)
    for rule in _RULES:
        rule(sentence)
    return sentence


def _source(text: str) -> tuple[ProbeMode, Term, int]:
    match = _SOURCE.fullmatch(text)
    what = "a source (a pod, an external host or any)"
    if match is None:
        raise ProblemWithoutPlace(f"'{text}' is not {what}", f"write a name, optionally after {' or '.join(_MODES)}")
    word = match["mode"] or ProbeMode.NEW
    if word not in list(ProbeMode):
        raise ProblemWithoutPlace(f"'{word}' is not a probe mode", suggest(word, _MODES))
    port = port_number(match["port"]) if match["port"] is not None else 0
    return ProbeMode(word), source_term(match["term"], what), port


def _check_wildcard_mode(sentence: Sentence) -> None:
    if sentence.is_wildcard and sentence.mode in (ProbeMode.PERSISTENT, ProbeMode.FIRST_PACKET):
        several = next(term for term in (sentence.source, sentence.target) if term.is_set)
        raise ProblemWithoutPlace(
            f"'{sentence.text}' combines {sentence.mode} with {several}", "name the pods, one line for each path"
        )


def _check_persistent(sentence: Sentence) -> None:
    if sentence.mode is not ProbeMode.PERSISTENT:
        return
    if sentence.scheme not in (Scheme.HTTP, Scheme.UDP):
        what = f"'{sentence.text}' holds a connection over {sentence.scheme}, on which no server answers twice"
        raise ProblemWithoutPlace(what, "write http:// or udp:// before the target")
    if sentence.expected not in (Expected.ALLOWED, Expected.BLOCKED, Expected.UNDEFINED):
        what = f"a held connection cannot be {sentence.expected}: it is open, and data either passes or does not"
        raise ProblemWithoutPlace(what, "write allowed, blocked or undefined")


def _check_source_port(sentence: Sentence) -> None:
    if not sentence.source_port:
        return
    if sentence.scheme not in (Scheme.TCP, Scheme.UDP):
        what = f"'{sentence.text}' binds a source port over {sentence.scheme}"
        raise ProblemWithoutPlace(what, "remove the port, or probe over tcp:// or udp://")
    if sentence.is_wildcard:
        several = next(term for term in (sentence.source, sentence.target) if term.is_set)
        raise ProblemWithoutPlace(
            f"'{sentence.text}' combines a source port with {several}", "name the source pod and the target"
        )


def _check_first(sentence: Sentence) -> None:
    if sentence.mode is ProbeMode.FIRST_PACKET and sentence.source.replica is not None:
        what = f"'{sentence.text}' probes the first packets of one replica, but all replicas start alike"
        raise ProblemWithoutPlace(what, f"remove '/{sentence.source.replica}'")


def _check_container(sentence: Sentence) -> None:
    if sentence.source.container and sentence.mode is ProbeMode.FIRST_PACKET:
        what = f"'{sentence.text}' probes from a container before any container of the pod runs"
        raise ProblemWithoutPlace(what, f"remove '[{sentence.source.container}]': containers share the pod's network")


_RULES = (_check_wildcard_mode, _check_persistent, _check_source_port, _check_first, _check_container)
"""Checks of the parts of one line against each other; each raises a ``ProblemWithoutPlace``."""


def _scheme(word: str | None) -> Scheme:
    if word is None:
        return Scheme.TCP
    if word not in list(Scheme):
        raise ProblemWithoutPlace(f"'{word}://' is not a scheme", suggest(word, Scheme))
    return Scheme(word)


def missing_port(target: str) -> ProblemWithoutPlace:
    """Return the problem of a target without a port."""
    return ProblemWithoutPlace(f"'{target}' has no port", f"write {target}:80, for example")


def _ports(text: str | None, scheme: Scheme, target: Term, right: str) -> tuple[PortTerm, ...]:
    if scheme is Scheme.ICMP:
        if text is not None:
            raise ProblemWithoutPlace(f"ICMP has no ports, but '{right}' has one", f"remove ':{text}'")
        return ()
    if text is not None:
        return port_terms(text)
    if scheme not in _DEFAULT_PORTS:
        if target.may_be_cluster_server:
            return ()
        raise missing_port(right)
    return (PortRange(_DEFAULT_PORTS[scheme], _DEFAULT_PORTS[scheme]),)
