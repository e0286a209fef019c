"""A connection that has left HTTP for another protocol: bytes both ways after 101 Switching Protocols."""

import asyncio
from collections.abc import AsyncIterator, Mapping

from aiohttp import web


class RawConnection:
    """The connection of a request after its upgrade."""

    def __init__(self, response: web.StreamResponse) -> None:
        self.response = response
        self._received: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def send_bytes(self, data: bytes) -> None:
        """Send bytes. Raises ``ConnectionError`` if the client has left."""
        await self.response.write(data)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield what the client sends, as it comes, until it closes the connection."""
        while (chunk := await self._received.get()) is not None:
            yield chunk

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take received bytes (a parser of aiohttp): nothing ends the stream, and nothing is left over."""
        self._received.put_nowait(bytes(data))
        return False, b""

    def feed_eof(self) -> None:
        """Take the end of the connection."""
        self._received.put_nowait(None)


async def switch_protocols(request: web.BaseRequest, protocol: str, headers: Mapping[str, str]) -> RawConnection:
    """Answer 101, and return the connection. It closes when the request's handler returns ``response``."""
    response = web.StreamResponse(status=101, headers={"Connection": "Upgrade", "Upgrade": protocol, **headers})
    response.force_close()
    connection = RawConnection(response)
    request.protocol.set_parser(connection)  # type: ignore[arg-type] # it is typed for WebSockets, and needs no more
    await response.prepare(request)
    return connection
