"""Finds the Services that a text names: hosts, host:port, URLs, DSNs and lists of them. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from netpol_harness.model.names import NamespacedName
from netpol_harness.model.services import Service

Services = Mapping[NamespacedName, Service]

_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_HOST = re.compile(
    rf"(?<![\w.%-])(?P<host>{_LABEL}(?:\.{_LABEL})*)\.?"
    rf"(?::(?P<port>[0-9]{{1,5}})(?![\w.-])|(?![\w-]|\.\w))"
)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://(?:[^\s/@]*@|[^\s/]*,)?$", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\((\w+)\)|\$\{(\w+)\}|\$(\w+)")
_NAMES_A_HOST = re.compile(
    r"HOST|ADDR|SERVER|UR[IL]|ENDPOINT|SERVICE|UPSTREAM|BROKER|NODES?\b|DSN|MASTER|SEEDS|BACKEND|TARGET", re.IGNORECASE
)
_FLAG = re.compile(r"(?:host|server|addr|address|upstream|@|//|\s-h|^-h)[=:\s(]*$", re.IGNORECASE)

DEFAULT_PORTS = {
    "http": 80, "https": 443, "postgres": 5432, "postgresql": 5432, "mysql": 3306, "mariadb": 3306, "redis": 6379,
    "rediss": 6379, "amqp": 5672, "amqps": 5671, "mongodb": 27017, "nats": 4222, "ldap": 389, "ldaps": 636,
    "memcached": 11211, "grpc": 80,
}  # fmt: skip
"""The ports that schemes of URLs stand for."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A Service that a text names. ``port`` is 0 if the text says none."""

    service: NamespacedName
    port: int


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Replace ``$(NAME)``, ``${NAME}`` and ``$NAME`` by the values that are known."""

    def value(match: re.Match[str]) -> str:
        name = next(filter(None, match.groups()))
        return variables.get(name, match[0])

    return _VARIABLE.sub(value, text)


def references(text: str, namespace: str, services: Services, *, key: str = "") -> Iterator[Reference]:
    """Yield the Services that a value names, as seen from a namespace.

    A bare word counts only where a host stands: with a port, after ``//``, ``@`` or a flag for hosts, or as a whole
    item of a list whose ``key`` names hosts.
    """
    for match in _HOST.finditer(text):
        service = resolved(match["host"], namespace, services)
        if service is None:
            continue
        before = text[: match.start()]
        scheme = _SCHEME.search(before)
        port = int(match["port"] or 0)
        qualified = "." in match["host"]
        is_host = bool(port or scheme or qualified or _FLAG.search(before))
        is_item = before.rstrip()[-1:] in ("", ",", ";") and text[match.end() :].lstrip()[:1] in ("", ",", ";")
        if is_host or (is_item and _NAMES_A_HOST.search(key)):
            default = DEFAULT_PORTS.get(scheme[1].lower().rpartition(":")[2], 0) if scheme else 0
            yield Reference(service, port or (default if _serves(services[service], default) else 0))


def resolved(host: str, namespace: str, services: Services) -> NamespacedName | None:
    """Return the Service of a host name: ``svc``, ``svc.ns``, ``svc.ns.svc...``, or a member of a headless Service."""
    parts = host.removesuffix(".cluster.local").removesuffix(".svc").split(".")
    for labels in (parts, parts[1:]):  # the name of a member stands before that of its Service
        if labels and len(labels) <= 2:
            ref = NamespacedName(labels[1] if len(labels) > 1 else namespace, labels[0])
            if ref in services and (labels is parts or services[ref].headless):
                return ref
    return None


def _serves(service: Service, number: int) -> bool:
    return any(port.port.number == number for port in service.ports)
