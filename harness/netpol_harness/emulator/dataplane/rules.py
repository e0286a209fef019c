"""The ruleset as a value: chains of rules, sets and maps of one nftables table, and the names that they may bear.

Invariant: nothing that a user wrote reaches nftables except through ``identifier``, ``digest`` or a parsed address or
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
    """A chain. ``hook`` declares a base chain (type, hook, priority, policy) and is empty elsewhere."""

    rules: tuple[str, ...] = ()
    hook: str = ""


@dataclass(frozen=True, slots=True)
class NamedSet:
    """A set, or a map where ``type`` reads ``key : value``. ``elements`` leads from keys to values, empty in a set."""

    type: str
    elements: Mapping[str, str] = field(default_factory=dict)
    flags: str = ""

    @property
    def keyword(self) -> str:
        """What nft calls it."""
        return "map" if " : " in self.type else "set"


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All content of the table, by name. Order matters in a chain's rules and nowhere else."""

    chains: Mapping[str, Chain] = field(default_factory=dict)
    sets: Mapping[str, NamedSet] = field(default_factory=dict)

    def __or__(self, other: "Ruleset") -> "Ruleset":
        """Both together; their names are distinct, but for content-named sets, which are equal then."""
        return Ruleset({**self.chains, **other.chains}, {**self.sets, **other.sets})


class IpVersion(Enum):
    """The two address families: IP version, nft's word for the header and nft's type of an address."""

    IPV4 = (4, "ip", "ipv4_addr")
    IPV6 = (6, "ip6", "ipv6_addr")

    def __init__(self, version: int, header: str, address_type: str) -> None:
        self.version = version
        self.header = header
        self.address_type = address_type

    @classmethod
    def of(cls, address: str) -> "IpVersion":
        """The family of a textual address, or of a set's key that begins with one."""
        return cls.IPV6 if ":" in address else cls.IPV4


def members(elements: Iterable[str]) -> dict[str, str]:
    """Elements of a set, which lead nowhere."""
    return dict.fromkeys(elements, "")


def identifier(kind: str, *parts: str) -> str:
    """A readable and unique name ``kind/part/part`` where nft allows it, else one made of a hash."""
    name = "/".join((kind, *parts))
    return name if _IDENTIFIER.fullmatch(name) else f"{kind}/{digest(*parts)}"


def digest(*definition: object) -> str:
    """A name for a definition: equal definitions (of strings, numbers and tuples of them) have equal digests."""
    return blake2b(repr(definition).encode(), digest_size=10).hexdigest()
