"""Names as segments of a URL's path."""

from urllib.parse import quote

from netpol_harness.errors import ClusterFailed


def segment(name: str) -> str:
    """Return a name, quoted. Raises ``ClusterFailed`` for one that would turn the path into that of other objects.

    HTTP clients resolve dots in a path: deleting ``roles/.`` would delete all roles (RFC 3986, 6.2.2.3).
    """
    if name in ("", ".", ".."):
        raise ClusterFailed(f"'{name}' is not the name of an object; use another")
    return quote(name, safe="")
