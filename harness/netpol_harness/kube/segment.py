"""Names as parts of a URL's path."""

from urllib.parse import quote

from netpol_harness.errors import ClusterFailed


def segment(name: str) -> str:
    """A name, quoted. Raises ``ClusterFailed`` for what would make the path that of another object, or of all objects.

    HTTP clients take dots for steps in a path: to delete ``roles/.`` would be to delete all roles (RFC 3986 6.2.2.3).
    """
    if name in ("", ".", ".."):
        raise ClusterFailed(f"'{name}' is not the name of an object; use another")
    return quote(name, safe="")
