"""IP addresses as text."""

from functools import lru_cache
from ipaddress import ip_address


@lru_cache(maxsize=4096)
def ip_version(text: str) -> int | None:
    """Return 4 or 6 for a literal IP address, else None.

    An address with a zone (``fe80::1%eth0``) is None: it means something on one host only.
    """
    try:
        return None if "%" in text else ip_address(text).version
    except ValueError:
        return None


def is_address(text: str) -> bool:
    """Return whether ``text`` is a literal IPv4 or IPv6 address without a zone."""
    return ip_version(text) is not None


def socket_text(address: str, port: int) -> str:
    """Return an address and a port as in a URL: ``10.0.0.1:80``, ``[fd00::1]:80``. A name is like an IPv4 address."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
