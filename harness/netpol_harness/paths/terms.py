"""The two ends of a path as written: an object, a set of workloads, or an address. Pure. The names are not looked up.

A set is ``any``, ``NAMESPACE/any`` or a list of labels, ``[NAMESPACE/]KEY=VALUE[,KEY=VALUE]``. The prefix of a label's
key has a dot and a namespace has none, so that ``shop/app=web`` and ``example.com/app=web`` are told apart.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv6Address, ip_address

from netpol_harness.paths.diagnostics import ProblemWithoutPlace, suggest

NAME = r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?"
_QUALIFIED = re.compile(rf"(?:(?P<namespace>{NAME})/)?(?P<name>{NAME})")
_DOTTED = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_FULL_NAME = re.compile(r"(?P<name>[^.]+)\.(?P<namespace>[^.]+)\.svc(?:\.cluster\.local)?")
_CALL = re.compile(r"(?P<form>[a-z]+)\((?P<inner>[^()]*)\)")
_NAMESPACE = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_EVERY = re.compile(rf"(?:(?P<namespace>{_NAMESPACE})/)?any")
_NAMESPACE_AND_LABELS = re.compile(rf"(?:(?P<namespace>{_NAMESPACE})/)?(?P<labels>[^=]+=.*)")
_REPLICA = re.compile(rf"(?P<pod>{NAME}(?:/{NAME})?)/(?P<index>0|[1-9][0-9]{{0,3}})")
_CONTAINER = re.compile(rf"(?P<pod>.*)\[(?P<container>{_NAMESPACE})\]")
_WORD = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
_LABEL = re.compile(rf"(?P<key>(?:{NAME}/)?{_WORD})=(?P<value>(?:{_WORD})?)")

NAME_SERVER, API_SERVER = "dns", "api"
"""Names that stand for servers of the cluster itself, if nothing in the scenario is called so."""


class Form(StrEnum):
    """How an end is written. The values of POD, SERVICE, IP, LB and NODE are the words before the parenthesis."""

    NAME = "name"
    POD = "pod"
    SERVICE = "service"
    IP = "ip"
    LB = "lb"
    NODE = "node"
    FULL_NAME = "full name"
    ADDRESS = "address"
    ANY = "any"
    LABELS = "labels"


TARGET_CALLS = (Form.POD, Form.SERVICE, Form.IP, Form.LB, Form.NODE)
SOURCE_CALLS = (Form.POD, Form.NODE)
_OF_PODS = (Form.POD, Form.NODE)
_SETS = (Form.ANY, Form.LABELS)


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """A name as written; ``namespace`` is empty if the author omitted it."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True)
class Term:
    """One end of a path as written, with its ``text``.

    ``name`` is an address if ``form`` is ADDRESS. Of a set of workloads it has the namespace alone. ``labels`` are
    those of the form LABELS, in the order in which they were written. ``container`` is the one to probe from, empty for
    any. ``replica`` is the index of one of a workload's pods, ``None`` for all.
    """

    form: Form
    name: Name
    text: str
    labels: tuple[tuple[str, str], ...] = ()
    container: str = ""
    replica: int | None = None

    @property
    def is_set(self) -> bool:
        """Whether it stands for every workload of a set."""
        return self.form in _SETS

    @property
    def may_be_cluster_server(self) -> bool:
        """Whether it is one of the words for servers of the cluster itself."""
        return self.form is Form.NAME and self.text in (NAME_SERVER, API_SERVER)

    @property
    def is_everything(self) -> bool:
        """Whether it stands for every workload of the scenario."""
        return self.form is Form.ANY and not self.name.namespace

    def __str__(self) -> str:
        return self.text


def qualified(text: str, what: str) -> Name:
    """Read ``[NAMESPACE/]NAME``; raises ``ProblemWithoutPlace``, with ``what`` for the kind of object."""
    match = _QUALIFIED.fullmatch(text)
    if match is None:
        shown = f"'{text}'" if text else "an empty text"
        raise ProblemWithoutPlace(
            f"{shown} is not the name of {what}", "names are lower-case letters, digits, '-' and '.'"
        )
    return Name(match["namespace"] or "", match["name"])


def source_term(text: str, what: str) -> Term:
    """Read a source; raises ``ProblemWithoutPlace``, with ``what`` for the kinds of source."""
    if bracket := _CONTAINER.fullmatch(text):
        return replace(_with_containers(bracket["pod"], text, what), text=text, container=bracket["container"])
    return _set(text) or pod_term(text, what)


def target_term(text: str) -> Term:
    """Read a target without its scheme and port; raises ``ProblemWithoutPlace``."""
    if call := _CALL.fullmatch(text):
        return _call(call, text, TARGET_CALLS)
    if text.startswith("["):
        return Term(Form.ADDRESS, _address(text[1:-1]), text)
    if found := _set(text):
        return found
    if _DOTTED.fullmatch(text):
        return Term(Form.ADDRESS, _address(text), text)
    if full := _FULL_NAME.fullmatch(text):
        return Term(Form.FULL_NAME, Name(full["namespace"], full["name"]), text)
    return _object_term(Form.NAME, text, text, "a target")


def _with_containers(pod: str, text: str, what: str) -> Term:
    """Read the source of which ``text`` names a container."""
    if _set(pod):
        raise ProblemWithoutPlace(f"'{text}' names a container of several pods", "name one workload")
    term = pod_term(pod, what)
    if term.form is Form.NODE:
        raise ProblemWithoutPlace(f"'{text}' names a container, but a node has none", f"write {pod}")
    return term


def pod_term(text: str, what: str) -> Term:
    """Read ``NAMES`` or ``pod(NAMES)``; raises ``ProblemWithoutPlace``, with ``what`` for the kind of object."""
    call = _CALL.fullmatch(text)
    if call and call["form"] in SOURCE_CALLS:
        return _call(call, text, SOURCE_CALLS)
    return _object_term(Form.NAME, text, text, what)


def _object_term(form: Form, inner: str, text: str, what: str) -> Term:
    """Read ``[NAMESPACE/]NAME[/REPLICA]``."""
    replica = _REPLICA.fullmatch(inner)
    if replica:
        return Term(form, qualified(replica["pod"], what), text, replica=int(replica["index"]))
    return Term(form, qualified(inner, what), text)


def _call(match: re.Match[str], text: str, forms: tuple[Form, ...]) -> Term:
    word = match["form"]
    if word not in forms:
        raise ProblemWithoutPlace(f"'{word}(...)' is not a form of target", suggest(word, forms))
    form, what = Form(word), f"an object for {word}()"
    if form in _OF_PODS:
        return _object_term(form, match["inner"], text, what)
    return Term(form, qualified(match["inner"], what), text)


def _set(text: str) -> Term | None:
    """Read a set of workloads; ``None`` if the text is something else."""
    if every := _EVERY.fullmatch(text):
        return Term(Form.ANY, Name(every["namespace"] or "", ""), text)
    if "=" not in text:
        return None
    match = _NAMESPACE_AND_LABELS.fullmatch(text)
    namespace, labels = (match["namespace"] or "", match["labels"]) if match else ("", text)
    return Term(Form.LABELS, Name(namespace, ""), text, tuple(map(_label, labels.split(","))))


def _label(text: str) -> tuple[str, str]:
    match = _LABEL.fullmatch(text)
    if match is None:
        raise ProblemWithoutPlace(
            f"'{text}' is not a label", "write KEY=VALUE, several with commas between them: app=web,tier=front"
        )
    return match["key"], match["value"]


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
