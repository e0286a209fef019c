"""What a UDP probe sends. Pure."""

from netpol_harness.probe.plan.question import Probe


def datagram(probe: Probe, token: str) -> bytes:
    """Return the datagram that a UDP probe sends, as its target understands it."""
    if not probe.asks_dns:
        return f"echo {token}\n".encode()
    labels = b"".join(bytes([len(label)]) + label.encode() for label in (token, "cluster", "local"))
    return token.encode()[:2] + bytes([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]) + labels + bytes([0, 0, 1, 0, 1])


def octal_escaped(probe: Probe, token: str) -> str:
    """Return the datagram in octal escapes, which ``printf`` and Python share, safe in both kinds of quotes."""
    return "".join(
        chr(byte) if chr(byte).isalnum() or byte == 32 else f"\\{byte:03o}" for byte in datagram(probe, token)
    )
