"""Abilities of this host's kernel, which the nodes of local clusters share."""

import socket


def has_sctp() -> bool:
    """Return whether the kernel opens SCTP sockets."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP).close()
    except OSError:
        return False
    return True
