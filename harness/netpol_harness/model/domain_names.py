"""Names outside the cluster, as a name server answers them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netpol_harness.model.addresses import is_address

DEFAULT_TTL = 1
"""Seconds for which an answer is valid, if its record does not say how many: short, so that tests need not wait."""


@dataclass(frozen=True, slots=True)
class DomainRecord:
    """The answer to look-ups of a name: addresses, or another name (a CNAME).

    Names are in lower case and without the final dot. ``addresses`` are IP addresses and names of external hosts, which
    stand for the addresses of these hosts. They are empty if there is an ``alias``. ``ttl`` is in seconds.
    """

    name: str
    addresses: tuple[str, ...] = ()
    alias: str = ""
    ttl: int = DEFAULT_TTL

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain data, which ``from_json`` reads."""
        return {"name": self.name, "addresses": list(self.addresses), "alias": self.alias, "ttl": self.ttl}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "DomainRecord":
        """Read what ``as_json`` returned."""
        return cls(data["name"], tuple(data["addresses"]), data["alias"], data["ttl"])


Records = Mapping[str, DomainRecord]
"""The records of a name server, by name."""


def followed(name: str, records: Records) -> DomainRecord | None:
    """Return the record at the end of a chain of aliases; ``None`` if there is none, or if the chain is a circle."""
    seen = set[str]()
    while (record := records.get(name)) and record.alias and name not in seen:
        seen.add(name)
        name = record.alias
    return None if record is None or record.alias else record


def resolved(records: Records, hosts: Mapping[str, Sequence[str]]) -> Mapping[str, tuple[str, ...]]:
    """Return the addresses of every name, as far as those of the external ``hosts`` are known.

    The names of external hosts that are domain names are among the names: a name server knows them too.
    """
    own = {host: DomainRecord(host, (host,)) for host in hosts if "." in host}
    known = {**own, **records}
    ends = {name: followed(name, known) for name in known}
    return {name: tuple(_addresses(end.addresses, hosts)) for name, end in ends.items() if end}


def _addresses(entries: Iterable[str], hosts: Mapping[str, Sequence[str]]) -> Iterable[str]:
    every = (address for entry in entries for address in ((entry,) if is_address(entry) else hosts.get(entry, ())))
    return dict.fromkeys(every)
