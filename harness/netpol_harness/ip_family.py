"""The IP families that a cluster gives to pods and Services."""

from enum import StrEnum


class IpFamily(StrEnum):
    """The IP families of pods and Services."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    DUAL = "dual"

    @property
    def versions(self) -> tuple[int, ...]:
        """The IP versions, the primary one first."""
        return {IpFamily.IPV4: (4,), IpFamily.IPV6: (6,), IpFamily.DUAL: (4, 6)}[self]
