"""Paths about the server itself: health and version, which need no token, then discovery and OpenAPI."""

from collections.abc import Mapping
from dataclasses import dataclass

from netpol_harness.emulator.apiserver import discovery, openapi
from netpol_harness.emulator.apiserver.catalog import Catalog
from netpol_harness.emulator.apiserver.encoding import JSON, dump_json
from netpol_harness.emulator.apiserver.errors import no_such_path

_HEALTH = ("healthz", "livez", "readyz")
_CHECKS = ("ping", "store")


@dataclass(frozen=True, slots=True)
class Page:
    """A body and its media type."""

    body: bytes
    media_type: str = JSON


def public_page(path: str, query: Mapping[str, str]) -> Page | None:
    """Return the answer to a path that needs no token; None for any other. Raises StatusError 404 for an
    unknown check.
    """
    if path == "/version":
        return Page(dump_json(discovery.version()))
    name, _, check = path.removeprefix("/").partition("/")
    if name not in _HEALTH:
        return None
    if check and check not in _CHECKS:
        raise no_such_path()
    lines = [f"[+]{check_name} ok" for check_name in _CHECKS] if "verbose" in query and not check else []
    text = "\n".join([*lines, f"{name} check passed\n"]) if lines else "ok"
    return Page(text.encode(), "text/plain; charset=utf-8")


class DiscoveryPages:
    """Discovery and OpenAPI of a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._discovery = discovery.Discovery(catalog)
        self._openapi = openapi.OpenApi(catalog)

    def page(self, path: str, accept: str) -> Page | None:
        """Return the answer to a path of discovery or OpenAPI; None for any other."""
        if path == "/openapi/v3":
            return Page(dump_json(self._openapi.index()))
        if path.startswith("/openapi/"):
            document = self._openapi.document(path.removeprefix("/openapi/v3/"))
            if document is None:
                raise no_such_path()
            return Page(document)
        version = discovery.aggregated_version(accept) if path in ("/api", "/apis") else ""
        if version:
            return Page(dump_json(self._discovery.aggregated(path, version)), discovery.aggregated_type(version))
        plain = self._discovery.plain(path)
        return None if plain is None else Page(dump_json(plain))
