"""Outcomes of probes, expected verdicts, and the table that relates them.

An outcome is never a bool: a broken probe is neither open nor closed, and satisfies no verdict.
"""

from enum import StrEnum
from types import MappingProxyType


class Outcome(StrEnum):
    """The outcome of one attempt of one probe.

    CONNECTED     the target answered (TCP: handshake; UDP and SCTP: our data came back; ICMP: echo reply)
    REFUSED       an explicit no: TCP reset, ICMP port unreachable
    TIMED_OUT     no answer until the probe's time-out
    UNREACHABLE   the network reported that it cannot deliver (no route, host or net unreachable, prohibited)
    NAME_FAILED   the target's name did not resolve
    NAME_WRONG    the target's name resolved to an address that is not the target's
    PROBE_FAILED  no observation: no such tool, exec failed, answer lost, answer not understood
    """

    CONNECTED = "CONNECTED"
    REFUSED = "REFUSED"
    TIMED_OUT = "TIMED_OUT"
    UNREACHABLE = "UNREACHABLE"
    NAME_FAILED = "NAME_FAILED"
    NAME_WRONG = "NAME_WRONG"
    PROBE_FAILED = "PROBE_FAILED"


SILENT = frozenset({Outcome.TIMED_OUT, Outcome.NAME_FAILED})
"""Outcomes that a lack of time or a lost packet may cause."""


class Expected(StrEnum):
    """The verdicts that a scenario may expect."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    DROPPED = "dropped"
    REJECTED = "rejected"
    UNRESOLVED = "unresolved"
    UNDEFINED = "undefined"

    def admits(self, outcome: Outcome) -> bool:
        """Return whether an outcome satisfies this verdict."""
        return outcome in SATISFYING[self]

    @property
    def needs_proof(self) -> bool:
        """Whether the verdict is a denial, which is evidence only if the target is alive."""
        return self in (Expected.BLOCKED, Expected.DROPPED, Expected.REJECTED, Expected.UNRESOLVED)


SATISFYING = MappingProxyType(
    {
        Expected.ALLOWED: frozenset({Outcome.CONNECTED}),
        Expected.BLOCKED: frozenset({Outcome.TIMED_OUT, Outcome.REFUSED, Outcome.UNREACHABLE}),
        Expected.DROPPED: frozenset({Outcome.TIMED_OUT}),
        Expected.REJECTED: frozenset({Outcome.REFUSED, Outcome.UNREACHABLE}),
        Expected.UNRESOLVED: frozenset({Outcome.NAME_FAILED}),
        Expected.UNDEFINED: frozenset(Outcome) - {Outcome.NAME_WRONG, Outcome.PROBE_FAILED},
    }
)
"""The outcomes that satisfy each verdict. NAME_WRONG and PROBE_FAILED satisfy none."""
