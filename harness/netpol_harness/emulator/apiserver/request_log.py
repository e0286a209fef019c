"""The requests that an API server answered, one JSON object a line: which part of the API its clients use.

Verbs are those of the real server's audit log. A line holds neither bodies nor names of objects, and no token.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from aiohttp import web

from netpol_harness.emulator.apiserver.catalog import Catalog
from netpol_harness.emulator.apiserver.errors import StatusError
from netpol_harness.emulator.apiserver.request import RequestTarget, flag
from netpol_harness.errors import ClusterFailed

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


class RequestLog:
    """A file of requests. Lines are complete at any time, so that the log of a killed cluster can be read.

    Raises ``ClusterFailed`` if the file cannot be written.
    """

    def __init__(self, path: Path, catalog: Catalog) -> None:
        self._catalog = catalog
        try:
            self._file: TextIO = path.open("a", buffering=1)
        except OSError as problem:
            raise ClusterFailed(f"cannot write the log of requests {path}: {problem.strerror}") from problem

    def add(self, request: web.BaseRequest, path: str, response: web.StreamResponse | None, message: str) -> None:
        """Add a request for a path (without the token), its answer, and the message of a refusal.

        ``response`` is ``None`` if the client left before the end of the answer, as from a watch; the code is 0 then.
        """
        headers: Mapping[str, str] = request.headers
        answer: Mapping[str, str] = {} if response is None else response.headers
        line = {
            **describe(self._catalog, request.method, path, request.query),
            "client": headers.get("User-Agent", "").partition(" ")[0],
            "sent": headers.get("Content-Type", ""),
            "accept": headers.get("Accept", ""),
            "answered": answer.get("Content-Type", ""),
            "protocol": " ".join(filter(None, (answer.get("Upgrade"), _stream_protocol(answer)))),
            "code": 0 if response is None else response.status,
            "message": message,
        }
        self._file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def describe(catalog: Catalog, method: str, path: str, query: Mapping[str, str]) -> dict[str, str]:
    """Return verb, resource (``PLURAL.GROUP/SUBRESOURCE``) and scope of a request.

    A path that is not a resource's is its own resource; its verb is the method in lower case.
    """
    try:
        target = RequestTarget.parse(catalog, path)
    except StatusError:
        return {"verb": method.lower(), "resource": path, "scope": ""}
    resource = ".".join(filter(None, (target.resource.plural, target.resource.group)))
    return {
        "verb": _verb(method, target, query),
        "resource": "/".join(filter(None, (resource, target.subresource))),
        "scope": "namespace" if target.namespace else "cluster",
    }


def _verb(method: str, target: RequestTarget, query: Mapping[str, str]) -> str:
    if method in ("GET", "HEAD"):
        return "watch" if flag(query, "watch") else "get" if target.name else "list"
    if method == "DELETE":
        return "delete" if target.name else "deletecollection"
    return _VERBS.get(method, method.lower())


def _stream_protocol(headers: Mapping[str, str]) -> str:
    return headers.get("X-Stream-Protocol-Version") or headers.get("Sec-WebSocket-Protocol", "")
