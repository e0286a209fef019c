"""The API over HTTP: authentication, routing, representations, and errors as Status objects.

Plain HTTP/1.1 on a socket that the caller has bound. One token gives full access, as a bearer token or as the first
segment of the path: kubectl sends no credentials over plain HTTP (client-go's clientcmd reads them for https only), but
it keeps the path of the server's URL. A change that the data plane reads is answered only when the data plane enforces
it, so a client that has its answer can rely on it.
"""

import asyncio
import hmac
import json
import logging
import socket as sockets
import ssl
from collections.abc import Iterable
from typing import Any

from aiohttp import HttpVersion10, web
from multidict import CIMultiDict

from netpol_harness.emulator.apiserver import pages, reviews
from netpol_harness.emulator.apiserver.body import media_type, read_body
from netpol_harness.emulator.apiserver.catalog import Catalog
from netpol_harness.emulator.apiserver.encoding import JSON, Encoder, Representation, dump_json, negotiate
from netpol_harness.emulator.apiserver.errors import (
    StatusError,
    bad_request,
    from_store,
    method_not_allowed,
    object_not_found,
)
from netpol_harness.emulator.apiserver.lifecycle import Lifecycle
from netpol_harness.emulator.apiserver.pods import PodStreams
from netpol_harness.emulator.apiserver.request import RequestOptions, RequestTarget
from netpol_harness.emulator.apiserver.request_log import RequestLog
from netpol_harness.emulator.apiserver.resources import ServedResource
from netpol_harness.emulator.apiserver.rest import RestVerbs, WriteResult
from netpol_harness.emulator.apiserver.reviews import find_review
from netpol_harness.emulator.apiserver.runtime import Runtime
from netpol_harness.emulator.apiserver.selectors import Predicate
from netpol_harness.emulator.apiserver.server_log import server_logger
from netpol_harness.emulator.apiserver.watch import Watches, WatchEvent
from netpol_harness.emulator.store import Store, StoreError

_BODY_LIMIT = 3 * 1024 * 1024
_GRACE = 0.1
"""Seconds that current requests get when the server closes."""
_log = logging.getLogger(__name__)


class ApiServer:
    """The API server of one store."""

    def __init__(
        self,
        store: Store,
        runtime: Runtime,
        lifecycle: Lifecycle,
        catalog: Catalog,
        *,
        token: str,
        request_log: RequestLog | None = None,
    ) -> None:
        self._store = store
        self._runtime = runtime
        self._token = token.encode()
        self._catalog = catalog
        self._request_log = request_log
        self._discovery = pages.DiscoveryPages(catalog)
        self._rest = RestVerbs(store, lifecycle)
        self._watches = Watches(store)
        self._encoder = Encoder(store)
        self._pods = PodStreams(store, runtime)
        self._faces: list[tuple[web.Server, asyncio.Server]] = []

    async def serve(
        self, sock: sockets.socket, *, tls: ssl.SSLContext | None = None, shows: Predicate = lambda _: True
    ) -> None:
        """Start to answer on a bound socket, and return. Connections are accepted from then on.

        With ``tls`` it speaks HTTPS. The clients of this socket see only the objects that it ``shows``.
        """
        answers = web.Server(
            lambda request: self._handle(request, shows),
            request_factory=_request,
            handler_cancellation=True,
            access_log=None,
            auto_decompress=False,
            logger=server_logger(),
        )
        listener = await asyncio.get_running_loop().create_server(answers, sock=sock, backlog=1024, ssl=tls)
        self._faces.append((answers, listener))

    async def close(self) -> None:
        """End all watches, refuse new connections and drop open ones."""
        self._watches.end_all()
        for _, listener in self._faces:
            listener.close()
        for answers, _ in self._faces:
            await answers.shutdown(timeout=_GRACE)
        if self._request_log is not None:
            self._request_log.close()

    async def _handle(self, request: web.BaseRequest, shows: Predicate) -> web.StreamResponse:
        try:
            response = await self._answer(request, shows)
        except asyncio.CancelledError:
            self._record(request, None, "the client left")
            raise
        except Exception as problem:  # noqa: BLE001 - the edge: an error is one client's, not the end of the cluster
            error = self._status_error(request, problem)
            response = _refusal(error)
            self._record(request, response, error.message)
        else:
            self._record(request, response)
        return response

    def _record(self, request: web.BaseRequest, response: web.StreamResponse | None, message: str = "") -> None:
        if self._request_log is not None:
            self._request_log.add(request, self._authenticate(request)[0], response, message)

    def _status_error(self, request: web.BaseRequest, problem: Exception) -> StatusError:
        """Return how the client hears of a problem. What nobody foresaw is an internal error, and logged."""
        match problem:
            case StatusError():
                return problem
            case StoreError():
                return from_store(problem, self._catalog.subject)
            case web.HTTPRequestEntityTooLarge():
                return StatusError(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728")
            case web.HTTPException():
                return bad_request(problem.text or problem.reason)
            case _:
                path = request.path.replace(self._token.decode(), "(token)")
                _log.error("%s %s", request.method, path, exc_info=problem)
                return StatusError(500, "InternalError", "Internal error occurred: see the log of the cluster")

    async def _answer(self, request: web.BaseRequest, shows: Predicate) -> web.StreamResponse:
        _check_form(request)
        path, authenticated = self._authenticate(request)
        page = pages.public_page(path, request.query)
        if page is None and not authenticated:
            raise StatusError(401, "Unauthorized", "Unauthorized")
        page = page or self._discovery.page(path, request.headers.get("Accept", ""))
        if page is not None:
            return web.Response(body=page.body, headers={"Content-Type": page.media_type})
        review = find_review(path)
        if review is not None:
            return await self._review(review, request)
        target = RequestTarget.parse(self._catalog, path)
        if target.name and not self._rest.shows(target, shows):
            raise object_not_found(target.resource.plural_subject(target.name))
        match target.subresource:
            case "exec" | "attach" | "portforward" | "log":
                return await self._pods.answer(target, request)
            case _:
                return await self._verb(target, request, shows)

    async def _review(self, row: ServedResource, request: web.BaseRequest) -> web.StreamResponse:
        if request.method != "POST":
            raise method_not_allowed()
        return _json(dump_json(reviews.review_response(row, await read_body(request))), 201)

    def _authenticate(self, request: web.BaseRequest) -> tuple[str, bool]:
        """Return the requested path without the token, and whether the request contains the token."""
        path = request.path.rstrip("/")
        first, _, rest = path.removeprefix("/").partition("/")
        if hmac.compare_digest(first.encode(errors="replace"), self._token):
            return f"/{rest}", True
        authorization = request.headers.get("Authorization", "").encode(errors="replace")
        return path, hmac.compare_digest(authorization, b"Bearer " + self._token)

    async def _verb(self, target: RequestTarget, request: web.BaseRequest, shows: Predicate) -> web.StreamResponse:
        options = RequestOptions.parse(target, request.query, request.headers.get("User-Agent", ""))
        options = options.restricted_to(shows)
        if request.method != "GET":
            return await self._write(target, request, options)
        view = negotiate(request.headers.get("Accept", ""))
        if options.watch:
            return await self._watch(target, request, options, view)
        if target.subresource == "scale":
            return _json(dump_json(self._rest.get(target)))
        if target.name:
            return _json(
                self._encoder.encode_object(
                    target.resource, self._rest.get(target), view, include=options.include_object
                )
            )
        objects, version = self._rest.list(target, options), self._store.resource_version
        return _json(self._encoder.encode_list(target.resource, objects, version, view, include=options.include_object))

    async def _write(
        self, target: RequestTarget, request: web.BaseRequest, options: RequestOptions
    ) -> web.StreamResponse:
        body = await read_body(request)
        match request.method, bool(target.name):
            case "POST", False:
                answer = self._write_response(target, self._rest.create(target, body, options))
            case "PUT", True:
                answer = self._write_response(target, self._rest.update(target, body, options))
            case "PATCH", True:
                patched = self._rest.patch(target, media_type(request), body, options)
                answer = self._write_response(target, patched)
            case "DELETE", True:
                answer = _json(dump_json(self._rest.delete(target, body, options)))
            case "DELETE", False:
                deleted = self._rest.delete_collection(target, body, options)
                version = self._store.resource_version
                answer = _json(self._encoder.encode_list(target.resource, deleted, version, Representation.FULL))
            case _:
                raise method_not_allowed()
        if target.resource.enforced and not options.dry_run:
            await self._runtime.settled()
        return answer

    def _write_response(self, target: RequestTarget, result: WriteResult) -> web.Response:
        body = (
            dump_json(self._rest.get(target))
            if target.subresource == "scale"
            else self._encoder.encode_object(target.resource, result.object)
        )
        return _json(body, 201 if result.created else 200, result.warnings)

    async def _watch(
        self, target: RequestTarget, request: web.BaseRequest, options: RequestOptions, view: Representation
    ) -> web.StreamResponse:
        watch = self._watches.open(target, options)
        response = web.StreamResponse(headers={"Content-Type": JSON})
        try:
            await response.prepare(request)
            async for batch in watch.batches():
                await response.write(b"".join(self._line(target, notice, options, view) for notice in batch))
        except ConnectionResetError:
            pass
        finally:
            self._watches.close(watch)
        return response

    def _line(self, target: RequestTarget, notice: WatchEvent, options: RequestOptions, view: Representation) -> bytes:
        if notice.type == "BOOKMARK":
            body = dump_json(notice.object)
        else:
            body = self._encoder.encode_object(target.resource, notice.object, view, include=options.include_object)
        return b'{"type":"' + notice.type.encode() + b'","object":' + body + b"}\n"


def _request(*parts: Any) -> web.BaseRequest:
    """Return aiohttp's request with the body limit of the real server."""
    message, payload, protocol, writer, task = parts
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_BODY_LIMIT)


def _check_form(request: web.BaseRequest) -> None:
    """Refuse requests that the HTTP library accepts and the real server does not. Raises StatusError 400."""
    if request.version < HttpVersion10:
        raise bad_request("malformed HTTP request: HTTP/1.0 or newer is needed")
    for name, value in request.headers.items():
        if not value.isascii() and value.encode(errors="replace").decode() != value:
            raise bad_request(f"malformed HTTP request: the header {name} is not UTF-8")


def _json(body: bytes, code: int = 200, warnings: Iterable[str] = ()) -> web.Response:
    headers = CIMultiDict({"Content-Type": JSON})
    for warning in warnings:
        headers.add("Warning", f"299 - {json.dumps(warning)}")
    return web.Response(body=body, status=code, headers=headers)


def _refusal(error: StatusError) -> web.Response:
    return _json(dump_json(error.status()), error.code)
