"""How far a rule is from admitting a connection that it refuses: whether it means the other end at all. Pure."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from netpol_harness.model.labels import Requirement
from netpol_harness.model.names import Port
from netpol_harness.model.policy import IPBlock, Peer, PolicyPort, Rule
from netpol_harness.oracle.mismatch import (
    ClusterReason,
    InsideExcept,
    NamespaceLabelMismatch,
    NotAPod,
    PeerReason,
    PodLabelMismatch,
    PortField,
    PortMismatch,
    PortReason,
)
from netpol_harness.oracle.verdict import Refusal

UNRELATED = 5
"""The distance from which on a rule is about something else: neither its peers nor its ports mean the connection."""

_OTHER = 2
"""The distance of a list of peers or ports that all mean something else."""

_SIMILAR = 0.75
"""Texts that are at least this similar differ by a typing mistake."""


def distance(
    rule: Rule,
    refusal: Refusal | None,
    port: Port,
    typed: frozenset[int] = frozenset(),
    inert: frozenset[int] = frozenset(),
) -> int:
    """Return 0 for a rule that admits; a wrong peer counts twice as much as a wrong port.

    ``typed`` are the Service's numbers for the port. ``inert`` are the indexes of peers that select no pod: such a peer
    must have been meant for one.
    """
    peers, ports = _of_peers(rule, refusal, inert), _of_ports(rule, refusal, port, typed)
    points_at = (rule.peers is not None and peers < _OTHER) or (rule.ports is not None and ports < _OTHER)
    return 2 * peers + ports + (0 if points_at else UNRELATED)


def peer_distance(peer: Peer, reasons: Sequence[PeerReason]) -> int:
    """Return 0 for a peer that matches, 1 if a part of it matches or nearly does, 2 if it means something else."""
    if not reasons:
        return 0
    if isinstance(peer, IPBlock):
        return 1 if any(isinstance(reason, InsideExcept) for reason in reasons) else _OTHER
    selectors = [selector for selector in (peer.namespaces, peer.pods) if selector]
    required = [requirement for selector in selectors for requirement in selector.requirements]
    unmet = [r for r in reasons if isinstance(r, NamespaceLabelMismatch | PodLabelMismatch)]
    if any(isinstance(reason, NotAPod) for reason in reasons):
        return _OTHER if required or peer.namespaces is None else 1
    return 1 if len(unmet) < len(required) or (unmet and all(map(_is_near, unmet))) else _OTHER


def port_distance(entry: PolicyPort | None, reason: PortReason, port: Port, typed: frozenset[int] = frozenset()) -> int:
    """Return 1 for an entry with one mistake: a wrong protocol, a name, or the Service's number; else 2."""
    if entry is None or not isinstance(reason, PortMismatch):
        return 1
    match reason.field:
        case PortField.PROTOCOL:
            return 1 if entry.port in (None, port.number) or isinstance(entry.port, str) else _OTHER
        case PortField.NAME:
            return 1
        case PortField.NUMBER:
            return 1 if entry.port in typed else _OTHER


def _of_peers(rule: Rule, refusal: Refusal | None, inert: frozenset[int]) -> int:
    if rule.peers is None:
        return 1
    if refusal is None or not refusal.peers:
        return 0
    entries = enumerate(zip(rule.peers, refusal.peers, strict=True))
    return min(1 if index in inert else peer_distance(*entry) for index, entry in entries)


def _of_ports(rule: Rule, refusal: Refusal | None, port: Port, typed: frozenset[int]) -> int:
    if refusal is None or not refusal.ports:
        return 0
    entries = zip(rule.ports or (None,), refusal.ports, strict=True)
    return min(port_distance(entry, reason, port, typed) for entry, reason in entries)


def _is_near(reason: NamespaceLabelMismatch | PodLabelMismatch) -> bool:
    """Whether a label is nearly the required one: a typing mistake, or the namespace's name under another key."""
    required = next(iter(reason.requirement.values), "")
    names = [reason.value or ""] + ([reason.namespace] if isinstance(reason, NamespaceLabelMismatch) else [])
    return is_similar(required, *names)


def is_similar(text: str, *others: str) -> bool:
    """Whether a text is one of the others, or nearly."""
    return any(_are_similar(text, other) for other in others if other)


@lru_cache(maxsize=4096)
def _are_similar(text: str, other: str) -> bool:
    matcher = SequenceMatcher(None, text, other)
    is_swapped = sorted(text) == sorted(other)
    return is_swapped or (matcher.quick_ratio() >= _SIMILAR and matcher.ratio() >= _SIMILAR)


def unmet_requirements(reasons: Sequence[ClusterReason]) -> tuple[list[Requirement], list[Requirement]]:
    """Return the requirements of the namespaceSelector and of the podSelector that do not hold."""
    return (
        [reason.requirement for reason in reasons if isinstance(reason, NamespaceLabelMismatch)],
        [reason.requirement for reason in reasons if isinstance(reason, PodLabelMismatch)],
    )
