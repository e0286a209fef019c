"""The syntax of a path, ``[MODE] SOURCE -> TARGET``, without knowledge of the names.

    MODE    held | first | throughout         see ``paths.path.ProbeMode``
    SOURCE  any | [NAMESPACE/]WORKLOAD[:PORT] | EXTERNAL
    TARGET  [tcp://|http://|udp://|sctp://|icmp://]TERM[:PORT]
    TERM    any                               all workloads that serve the port
            [NAMESPACE/]NAME                  a Service (by DNS name), a workload or external host (by address)
            pod([NAMESPACE/]NAME)             the workload, if a Service has the same name
            service([NAMESPACE/]NAME)         the Service, if a workload has the same name; NAME alone
                                              is enough with a port of the Service
            NAME.NAMESPACE.svc[.cluster.local]  the Service by its full DNS name
            ip([NAMESPACE/]SERVICE)           the Service's ClusterIP
            node([NAMESPACE/]POD)             the node on which the pod runs
            a.b.c.d | [v6]                    an address

A source's port is the one that the probe binds, over TCP or UDP only. ``icmp://`` takes no port; with ``http://`` port
80 may be omitted; all others need one. A held connection is probed repeatedly, over ``http://`` or ``udp://``.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Address, ip_address

from netpol_harness.paths.diagnostics import Place, Problem, ProblemWithoutPlace, suggest
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import ProbeMode, Scheme

_NAME = r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?"
_QUALIFIED = re.compile(rf"(?:(?P<namespace>{_NAME})/)?(?P<name>{_NAME})")
_SOURCE = re.compile(r"(?:(?P<mode>\S+)\s+)?(?P<name>[^:\s]+)(?::(?P<port>\S*))?")
_TARGET = re.compile(
    rf"""(?:(?P<scheme>[^:/()\[\]]*)://)?
    (?:(?P<form>[a-z]+)\((?P<inner>[^()]*)\) | \[(?P<v6>[^\[\]]*)\] | (?P<plain>{_NAME}(?:/{_NAME})?))
    (?::(?P<port>[^/]*))?
    (?P<tail>/.*)?""",
    re.VERBOSE,
)
_DOTTED = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_FULL_NAME = re.compile(r"(?P<name>[^.]+)\.(?P<namespace>[^.]+)\.svc(?:\.cluster\.local)?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_MODES = tuple(mode for mode in ProbeMode if mode)
_SHAPE = "write it as SOURCE -> TARGET, such as web-pod -> db-service:3306"
_TARGETS = "write [scheme://][namespace/]name:port, ip(service):port, node(pod):port or address:port"


class Form(StrEnum):
    """How a target is written. The values of POD, SERVICE, IP and NODE are the words before the parenthesis."""

    NAME = "name"
    POD = "pod"
    SERVICE = "service"
    IP = "ip"
    NODE = "node"
    FULL_NAME = "full name"
    ADDRESS = "address"


_CALLS = (Form.POD, Form.SERVICE, Form.IP, Form.NODE)


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """A name as written; ``namespace`` is empty if the author omitted it."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


ANY = Name("", "any")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One line of a step's ``paths``, parsed but not resolved.

    ``target`` is an address if ``form`` is ADDRESS. ``left`` and ``right`` are the two sides as the author wrote them,
    with single spaces. ``prefix`` is the scheme with ``://``, or empty. ``port`` is 0 for ICMP, ``source_port`` is 0
    for any port.
    """

    place: Place
    expected: Expected
    source: Name
    scheme: Scheme
    form: Form
    target: Name
    port: int
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
        """Whether the line stands for many paths."""
        return self.from_any or self.to_any

    @property
    def left_prefix(self) -> str:
        """The text before the source: the probe mode and a space, or nothing."""
        return f"{self.mode} " if self.mode else ""

    @property
    def from_any(self) -> bool:
        """Whether the source stands for all workloads."""
        return self.source == ANY

    @property
    def to_any(self) -> bool:
        """Whether the target stands for all workloads."""
        return self.form is Form.NAME and self.target == ANY


def parse(text: str, expected: Expected, place: Place) -> Sentence | Problem:
    """Read one path. Never raises."""
    try:
        return _sentence(text, expected, place)
    except ProblemWithoutPlace as problem:
        return problem.at(place)


def qualified(text: str, what: str) -> Name:
    """Read ``[NAMESPACE/]NAME``; raises ``ProblemWithoutPlace``, with ``what`` for the kind of object."""
    match = _QUALIFIED.fullmatch(text)
    if match is None:
        shown = f"'{text}'" if text else "an empty text"
        raise ProblemWithoutPlace(
            f"{shown} is not the name of {what}", "names are lower-case letters, digits, '-' and '.'"
        )
    return Name(match["namespace"] or "", match["name"])


def _sentence(text: str, expected: Expected, place: Place) -> Sentence:
    sides = [side.strip() for side in text.split("->")]
    if len(sides) != 2 or not all(sides):
        raise ProblemWithoutPlace(f"'{text}' is not a path", _SHAPE)
    left, right = sides
    match = _TARGET.fullmatch(right)
    if match is None:
        raise ProblemWithoutPlace(f"'{right}' is not a target", _TARGETS)
    mode, source, source_port = _source(left)
    if match["tail"]:
        raise ProblemWithoutPlace(
            f"'{right}' continues after the port", f"remove '{match['tail']}': a path is a connection only"
        )
    scheme = _scheme(match["scheme"])
    port = _port(match["port"], scheme, right)
    form, target = _term(match)
    prefix = f"{match['scheme']}://" if match["scheme"] else ""
    left = " ".join(left.split())
    sentence = Sentence(place, expected, source, scheme, form, target, port, left, right, prefix, mode, source_port)
    for rule in _RULES:
        rule(sentence)
    return sentence


def _source(text: str) -> tuple[ProbeMode, Name, int]:
    match = _SOURCE.fullmatch(text)
    what = "a source (a pod, an external host or any)"
    if match is None:
        raise ProblemWithoutPlace(f"'{text}' is not {what}", f"write a name, optionally after {' or '.join(_MODES)}")
    word = match["mode"] or ProbeMode.NEW
    if word not in list(ProbeMode):
        raise ProblemWithoutPlace(f"'{word}' is not a probe mode", suggest(word, _MODES))
    port = _number(match["port"]) if match["port"] is not None else 0
    return ProbeMode(word), qualified(match["name"], what), port


def _check_wildcard_mode(sentence: Sentence) -> None:
    if sentence.is_wildcard and sentence.mode in (ProbeMode.PERSISTENT, ProbeMode.FIRST_PACKET):
        raise ProblemWithoutPlace(
            f"'{sentence.text}' combines {sentence.mode} with any", "name the pods, one line for each path"
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
        raise ProblemWithoutPlace(
            f"'{sentence.text}' combines a source port with any", "name the source pod and the target"
        )


_RULES = (_check_wildcard_mode, _check_persistent, _check_source_port)
"""Checks of the parts of one line against each other; each raises a ``ProblemWithoutPlace``."""


def _scheme(word: str | None) -> Scheme:
    if word is None:
        return Scheme.TCP
    if word not in list(Scheme):
        raise ProblemWithoutPlace(f"'{word}://' is not a scheme", suggest(word, Scheme))
    return Scheme(word)


def _term(match: re.Match[str]) -> tuple[Form, Name]:
    if match["form"] is not None:
        return _call(match["form"], match["inner"])
    if match["v6"] is not None:
        return Form.ADDRESS, _address(match["v6"])
    plain = match["plain"]
    if _DOTTED.fullmatch(plain):
        return Form.ADDRESS, _address(plain)
    if full := _FULL_NAME.fullmatch(plain):
        return Form.FULL_NAME, Name(full["namespace"], full["name"])
    return Form.NAME, qualified(plain, "a target")


def _call(word: str, inner: str) -> tuple[Form, Name]:
    if word not in _CALLS:
        raise ProblemWithoutPlace(f"'{word}(...)' is not a form of target", suggest(word, _CALLS))
    return Form(word), qualified(inner, f"an object for {word}()")


def _address(text: str) -> Name:
    try:
        address = ip_address(text)
    except ValueError:
        raise ProblemWithoutPlace(
            f"'{text}' is not an IP address", "write an IPv4 address, or an IPv6 address in brackets"
        ) from None
    if isinstance(address, IPv6Address) and address.scope_id:
        raise ProblemWithoutPlace(
            f"'{text}' has a zone", "remove the % and what follows: zones have a meaning on one host only"
        )
    return Name("", str(address))


def _port(text: str | None, scheme: Scheme, target: str) -> int:
    match scheme, text:
        case Scheme.ICMP, None:
            return 0
        case Scheme.ICMP, _:
            raise ProblemWithoutPlace(f"ICMP has no ports, but '{target}' has one", f"remove ':{text}'")
        case Scheme.HTTP, None:
            return 80
        case _, None:
            raise ProblemWithoutPlace(f"'{target}' has no port", f"write {target}:80, for example")
    return _number(text or "")


def _number(text: str) -> int:
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise ProblemWithoutPlace(f"'{text}' is not a port", "write a number from 1 to 65535")
    return int(text)
