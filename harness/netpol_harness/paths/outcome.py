"""What a probe met (``Outcome``), what an author expects (``Expected``), and the one table between them.

An outcome is never a bool: a broken probe is neither open nor closed, and satisfies nothing.
"""

from enum import StrEnum
from types import MappingProxyType


class Outcome(StrEnum):
    """What one attempt of one probe met.

    CONNECTED     the target answered (TCP: handshake; UDP and SCTP: our data came back; ICMP: echo reply)
    REFUSED       an explicit no: TCP reset, ICMP port unreachable
    TIMED_OUT     silence until the probe's time-out
    UNREACHABLE   the network said that it cannot deliver (no route, host or net unreachable, prohibited)
    NAME_FAILED   the target's name did not resolve
    PROBE_FAILED  nothing was learnt: no such tool, exec broke, answer lost, answer not understood
    """

    CONNECTED = "CONNECTED"
    REFUSED = "REFUSED"
    TIMED_OUT = "TIMED_OUT"
    UNREACHABLE = "UNREACHABLE"
    NAME_FAILED = "NAME_FAILED"
    PROBE_FAILED = "PROBE_FAILED"


class Expected(StrEnum):
    """The verdict words of a scenario."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    DROPPED = "dropped"
    REJECTED = "rejected"
    UNRESOLVED = "unresolved"
    UNDEFINED = "undefined"

    def admits(self, outcome: Outcome) -> bool:
        """Whether an outcome is what this word expects."""
        return outcome in SATISFYING[self]

    @property
    def needs_proof(self) -> bool:
        """Whether the word claims a silence or refusal, which is evidence only if what should answer is alive."""
        return self in (Expected.BLOCKED, Expected.DROPPED, Expected.REJECTED, Expected.UNRESOLVED)


SATISFYING = MappingProxyType(
    {
        Expected.ALLOWED: frozenset({Outcome.CONNECTED}),
        Expected.BLOCKED: frozenset({Outcome.TIMED_OUT, Outcome.REFUSED, Outcome.UNREACHABLE}),
        Expected.DROPPED: frozenset({Outcome.TIMED_OUT}),
        Expected.REJECTED: frozenset({Outcome.REFUSED, Outcome.UNREACHABLE}),
        Expected.UNRESOLVED: frozenset({Outcome.NAME_FAILED}),
        Expected.UNDEFINED: frozenset(Outcome) - {Outcome.PROBE_FAILED},
    }
)
"""Outcomes that satisfy each word. PROBE_FAILED is in none."""
