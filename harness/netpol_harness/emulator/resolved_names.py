"""The addresses of names outside the cluster, as the policy engine knows them from the name server's answers.

Invariant: an address is known while the name server answers it, and for as long afterwards as the last answer was
valid: a pod may still use it (npep-133, "DNS record querying and lifetimes"). No I/O.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from netpol_harness.emulator.dns_zone import Zone


@dataclass(frozen=True, slots=True)
class KnownNames:
    """Names with their addresses. ``seconds`` is the time until one of them is to be forgotten, None if none is."""

    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    seconds: float | None = None


class ResolvedNames:
    """Asks for names again and again, and forgets addresses that are no longer answered. ``now`` returns seconds."""

    def __init__(self, zone: Zone, now: Callable[[], float]) -> None:
        self._zone = zone
        self._now = now
        self._valid_for: dict[tuple[str, str], float] = {}
        self._ends: dict[tuple[str, str], float] = {}

    def known(self, names: Iterable[str]) -> KnownNames:
        """Return all known addresses, after asking for these names again."""
        answers = {(name, address): ttl for name in names for address, ttl in self._asked(name)}
        now = self._now()
        for gone in self._valid_for.keys() - answers.keys() - self._ends.keys():
            self._ends[gone] = now + self._valid_for[gone]
        self._valid_for |= answers
        self._ends = {key: end for key, end in self._ends.items() if key not in answers}
        for key in [key for key, end in self._ends.items() if end <= now]:
            del self._valid_for[key], self._ends[key]
        by_name: dict[str, list[str]] = {}
        for name, address in sorted(self._valid_for):
            by_name.setdefault(name, []).append(address)
        seconds = min((end - now for end in self._ends.values()), default=None)
        return KnownNames({name: tuple(found) for name, found in by_name.items()}, seconds)

    def _asked(self, name: str) -> Iterator[tuple[str, float]]:
        """Yield the addresses that are answered, each with the time for which its whole chain of records is valid."""
        labels = tuple(name.split("."))
        for kind in ("A", "AAAA"):
            records = self._zone.lookup(labels, kind) or []
            ttl = min((self._zone.ttl(owner) for owner, _ in records), default=0)
            yield from ((str(data), ttl) for _, data in records if type(data).__name__ == kind)
