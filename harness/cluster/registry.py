"""Backends by name, imported when chosen; and what ``auto`` takes on this machine."""

from dataclasses import dataclass

from harness.cluster.provider import Provider
from harness.errors import ClusterFailed


@dataclass(frozen=True, slots=True)
class Choice:
    """A backend and, where it was not named by the user, the reason for it."""

    provider: Provider
    why: str


def choose(name: str) -> Choice:
    """The backend for a value of ``--cluster``. Raises ``ClusterFailed`` for a value that names none."""
    from harness.cluster.embedded.provider import EmbeddedProvider

    match name:
        case "embedded":
            return Choice(EmbeddedProvider(), "chosen by --cluster")
        case "auto":
            return Choice(EmbeddedProvider(), "chosen by auto: the only backend of this version")
        case _:
            raise ClusterFailed(f"--cluster {name}: no such backend; this version has auto and embedded")
