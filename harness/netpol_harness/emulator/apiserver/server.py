"""The API over HTTP: authentication, routing, representations, and errors as Status objects.

Plain HTTP/1.1 on a socket that the caller has bound. One token opens everything, as a bearer token or as the
first segment of the path: kubectl sends no credentials at all over plain HTTP (client-go's clientcmd reads
them for https only), but it does keep the path of the server's URL. A change of what the dataplane reads is
answered only when the dataplane enforces it: a client that has its answer can rely on it.
"""

import asyncio
import hmac
import json
import logging
import socket as sockets
from collections.abc import Iterable
from typing import Any

from aiohttp import HttpVersion10, web
from multidict import CIMultiDict

from netpol_harness.emulator.apiserver import pages, reviews
from netpol_harness.emulator.apiserver.body import body_of, media_type_of
from netpol_harness.emulator.apiserver.encoding import JSON, Encoder, View, dump, negotiate
from netpol_harness.emulator.apiserver.errors import StatusError, bad_request, from_store, no_such_method
from netpol_harness.emulator.apiserver.journal import quiet_log
from netpol_harness.emulator.apiserver.lifecycle import Lifecycle
from netpol_harness.emulator.apiserver.pods import PodStreams
from netpol_harness.emulator.apiserver.request import RequestOptions, RequestTarget
from netpol_harness.emulator.apiserver.resources import GROUP_OF, ServedResource
from netpol_harness.emulator.apiserver.rest import Rest, Written
from netpol_harness.emulator.apiserver.reviews import reviewed
from netpol_harness.emulator.apiserver.runtime import Runtime
from netpol_harness.emulator.apiserver.watch import Notice, Watches
from netpol_harness.emulator.store import Store, StoreError

_BODY_LIMIT = 3 * 1024 * 1024
_GRACE = 0.1
"""Seconds that requests in progress get when the server closes."""
_log = logging.getLogger(__name__)


class ApiServer:
    """The API face of one store."""

    def __init__(self, store: Store, runtime: Runtime, lifecycle: Lifecycle, *, token: str) -> None:
        self._store = store
        self._runtime = runtime
        self._token = token.encode()
        self._rest = Rest(store, lifecycle)
        self._watches = Watches(store)
        self._encoder = Encoder(store)
        self._pods = PodStreams(store, runtime)
        self._web: web.Server | None = None
        self._listener: asyncio.Server | None = None

    async def serve(self, sock: sockets.socket) -> None:
        """Start to answer on a bound socket, and return; connections are accepted from then on."""
        self._web = web.Server(
            self._handle,
            request_factory=_request,
            handler_cancellation=True,
            access_log=None,
            auto_decompress=False,
            logger=quiet_log(),
        )
        self._listener = await asyncio.get_running_loop().create_server(self._web, sock=sock, backlog=1024)

    async def close(self) -> None:
        """End all watches, refuse connections and drop those that are open."""
        self._watches.end_all()
        if self._listener is not None:
            self._listener.close()
        if self._web is not None:
            await self._web.shutdown(timeout=_GRACE)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._answer(request)
        except StatusError as refusal:
            return _refusal(refusal)
        except StoreError as error:
            return _refusal(from_store(error, GROUP_OF))
        except web.HTTPRequestEntityTooLarge:
            return _refusal(StatusError(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728"))
        except web.HTTPException as refusal:
            return _refusal(bad_request(refusal.text or refusal.reason))
        except Exception:  # noqa: BLE001 - the edge: a fault of ours is one client's 500, not the end of the cluster
            _log.exception("%s %s", request.method, request.path.replace(self._token.decode(), "(token)"))
            return _refusal(StatusError(500, "InternalError", "Internal error occurred: see the log of the cluster"))

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        _check_form(request)
        path, proven = self._authenticate(request)
        found = pages.open_page(path, request.query)
        if found is None and not proven:
            raise StatusError(401, "Unauthorized", "Unauthorized")
        found = found or pages.page(path, request.headers.get("Accept", ""))
        if found is not None:
            return web.Response(body=found.body, headers={"Content-Type": found.media_type})
        review = reviewed(path)
        if review is not None:
            return await self._review(review, request)
        target = RequestTarget.parse(path)
        match target.subresource:
            case "exec" | "attach" | "portforward" | "log":
                return await self._pods.answer(target, request)
            case _:
                return await self._verb(target, request)

    async def _review(self, row: ServedResource, request: web.BaseRequest) -> web.StreamResponse:
        if request.method != "POST":
            raise no_such_method()
        return _json(dump(reviews.answer(row, await body_of(request))), 201)

    def _authenticate(self, request: web.BaseRequest) -> tuple[str, bool]:
        """The path asked for, without the token, and whether the request proves that it knows the token."""
        path = request.path.rstrip("/")
        first, _, rest = path.removeprefix("/").partition("/")
        if hmac.compare_digest(first.encode(errors="replace"), self._token):
            return f"/{rest}", True
        given = request.headers.get("Authorization", "").encode(errors="replace")
        return path, hmac.compare_digest(given, b"Bearer " + self._token)

    async def _verb(self, target: RequestTarget, request: web.BaseRequest) -> web.StreamResponse:
        options = RequestOptions.parse(target, request.query, request.headers.get("User-Agent", ""))
        if request.method != "GET":
            return await self._write(target, request, options)
        view = negotiate(request.headers.get("Accept", ""))
        if options.watch:
            return await self._watch(target, request, options, view)
        if target.subresource == "scale":
            return _json(dump(self._rest.get(target)))
        if target.name:
            return _json(
                self._encoder.one(target.resource, self._rest.get(target), view, include=options.include_object)
            )
        listed, version = self._rest.list(target, options), self._store.resource_version
        return _json(self._encoder.many(target.resource, listed, version, view, include=options.include_object))

    async def _write(
        self, target: RequestTarget, request: web.BaseRequest, options: RequestOptions
    ) -> web.StreamResponse:
        body = await body_of(request)
        match request.method, bool(target.name):
            case "POST", False:
                answer = self._written(target, self._rest.create(target, body, options))
            case "PUT", True:
                answer = self._written(target, self._rest.update(target, body, options))
            case "PATCH", True:
                patched = self._rest.patch(target, media_type_of(request), body, options)
                answer = self._written(target, patched)
            case "DELETE", True:
                answer = _json(dump(self._rest.delete(target, body, options)))
            case "DELETE", False:
                deleted = self._rest.delete_collection(target, body, options)
                version = self._store.resource_version
                answer = _json(self._encoder.many(target.resource, deleted, version, View.FULL))
            case _:
                raise no_such_method()
        if target.resource.enforced and not options.dry_run:
            await self._runtime.settled()
        return answer

    def _written(self, target: RequestTarget, written: Written) -> web.Response:
        body = (
            dump(self._rest.get(target))
            if target.subresource == "scale"
            else self._encoder.one(target.resource, written.object)
        )
        return _json(body, 201 if written.created else 200, written.warnings)

    async def _watch(
        self, target: RequestTarget, request: web.BaseRequest, options: RequestOptions, view: View
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

    def _line(self, target: RequestTarget, notice: Notice, options: RequestOptions, view: View) -> bytes:
        if notice.type == "BOOKMARK":
            body = dump(notice.object)
        else:
            body = self._encoder.one(target.resource, notice.object, view, include=options.include_object)
        return b'{"type":"' + notice.type.encode() + b'","object":' + body + b"}\n"


def _request(*parts: Any) -> web.BaseRequest:
    """aiohttp's request with the body limit of the real server."""
    message, payload, protocol, writer, task = parts
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_BODY_LIMIT)


def _check_form(request: web.BaseRequest) -> None:
    """Refuse what the HTTP library lets pass; raises StatusError 400."""
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
    return _json(dump(error.status()), error.code)
