"""DNS names of Services inside other text: their namespaces follow a map. Pure.

``db.shop.svc`` and the names below it always mean a Service of ``shop``. ``db.shop`` does where a host can stand
(``http://db.shop/``, ``user@db.shop:5432``, ``--db=db.shop``), if there is such a Service. A text that is a domain for
look-ups of short names, ``shop.svc.cluster.local``, follows too.
"""

import re
from collections.abc import Iterable, Mapping

from netpol_harness.model.names import NamespacedName

_BEFORE_HOST = r"(?:\A|(?<=//)|(?<=[@=,;\s\"'\[]))"
_AFTER_HOST = r"(?=\Z|:[0-9]|[/,;\s\"'\]])"
_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"


class DnsNames:
    """The DNS names of ``services``, and of any others by their full names, under a map of namespaces."""

    def __init__(self, namespaces: Mapping[str, str], services: Iterable[NamespacedName] = ()) -> None:
        self._namespaces = namespaces
        moved = {name for name, real in namespaces.items() if name != real}
        known = sorted(rf"{re.escape(s.name)}\.{re.escape(s.namespace)}" for s in services if s.namespace in moved)
        names = _any_of(map(re.escape, sorted(moved)))
        full = rf"(?<=[a-z0-9]\.)(?P<namespace>{names})(?=\.svc(?![a-z0-9-]))"
        domain = rf"\A(?P<domain>{names})(?=\.svc\.cluster\.local\.?\Z)"
        short = rf"{_BEFORE_HOST}(?P<host>(?:{_LABEL}\.)?(?:{_any_of(known)})){_AFTER_HOST}"
        self._pattern = re.compile(f"{full}|{domain}|{short}")

    def mapped(self, text: str) -> str:
        """Return the text with the namespaces of all its DNS names replaced."""
        return self._pattern.sub(self._replacement, text)

    def _replacement(self, match: re.Match[str]) -> str:
        if namespace := match["namespace"] or match["domain"]:
            return self._namespaces[namespace]
        name, _, namespace = match["host"].rpartition(".")
        return f"{name}.{self._namespaces[namespace]}"


def _any_of(patterns: Iterable[str]) -> str:
    return "|".join(patterns) or r"(?!)"
