"""The ruleset as a value: chains of rules, sets and maps of one nftables table, and the names that they may have.

Invariant: text that a user wrote reaches nftables only through ``identifier``, ``digest``, or as a parsed address or
number. Pure.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from hashlib import blake2b

TABLE = "inet netpol"

_IDENTIFIER = re.compile(r"[a-z][a-z0-9./-]{0,100}")


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain. ``hook`` declares a base chain (type, hook, priority, policy) and is empty otherwise."""

    rules: tuple[str, ...] = ()
    hook: str = ""


@dataclass(frozen=True, slots=True)
class NamedSet:
    """A set, or a map if ``type`` has the form ``key : value``. ``elements`` maps keys to values, which are empty in a
    set.

    ``timeout`` is the number of seconds after which an element that the rules add is forgotten, 0 for never.
    """

    type: str
    elements: Mapping[str, str] = field(default_factory=dict)
    flags: str = ""
    timeout: int = 0

    @property
    def keyword(self) -> str:
        """The keyword of nft: ``set`` or ``map``."""
        return "map" if " : " in self.type else "set"


@dataclass(frozen=True, slots=True)
class Ruleset:
    """The content of the table, by name. Order matters in a chain's rules only."""

    chains: Mapping[str, Chain] = field(default_factory=dict)
    sets: Mapping[str, NamedSet] = field(default_factory=dict)

    def __or__(self, other: "Ruleset") -> "Ruleset":
        """Return the union. Names are distinct, except those of sets named after their content, which are
        equal then.
        """
        return Ruleset({**self.chains, **other.chains}, {**self.sets, **other.sets})


class IpVersion(Enum):
    """The two address families: IP version, nft's name of the header, and nft's type of an address."""

    IPV4 = (4, "ip", "ipv4_addr")
    IPV6 = (6, "ip6", "ipv6_addr")

    def __init__(self, version: int, header: str, address_type: str) -> None:
        self.version = version
        self.header = header
        self.address_type = address_type

    @classmethod
    def of(cls, address: str) -> "IpVersion":
        """Return the family of a textual address, or of a set's key that begins with one."""
        return cls.IPV6 if ":" in address else cls.IPV4


def members(elements: Iterable[str]) -> dict[str, str]:
    """Return the elements of a set, which have no values."""
    return dict.fromkeys(elements, "")


def identifier(kind: str, *parts: str) -> str:
    """Return a readable and unique name ``kind/part/part`` if nft allows it, else one with a hash."""
    name = "/".join((kind, *parts))
    return name if _IDENTIFIER.fullmatch(name) else f"{kind}/{digest(*parts)}"


def digest(*definition: object) -> str:
    """Return a name for a definition: equal definitions (of strings, numbers and tuples of them) have equal digests."""
    return blake2b(repr(definition).encode(), digest_size=10).hexdigest()
