"""Logs and attached clients, without a program."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from netpol_harness.emulator.kubelet.console import Console, ContainerLog


class Client:
    """A client that sends these chunks, and then ends its input or stays silent."""

    tty = False

    def __init__(self, typed: Sequence[bytes] = (), *, ends: bool = True) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._typed = typed
        self._ends = ends

    @property
    def stdin(self) -> AsyncIterator[bytes] | None:
        return self._chunks()

    async def _chunks(self) -> AsyncIterator[bytes]:
        for chunk in self._typed:
            yield chunk
        if not self._ends:
            await asyncio.Event().wait()

    async def stdout(self, data: bytes) -> None:
        self.heard.append(("out", data))

    async def stderr(self, data: bytes) -> None:
        self.heard.append(("err", data))


@pytest.mark.parametrize(
    ("chunks", "text"),
    [
        ([b"one\ntw", b"o\n", b"rest"], b"one\ntwo\nrest"),
        (["ä".encode()[:1], "ä".encode()[1:]], "ä".encode()),
        ([b"\xff\n"], "\N{REPLACEMENT CHARACTER}\n".encode()),
        ([b"x" * 20000], b"x" * 16384 + b"\n" + b"x" * (20000 - 16384)),
        ([], b""),
    ],
)
def test_a_log_is_what_was_written(chunks: list[bytes], text: bytes) -> None:
    log = ContainerLog()
    for chunk in chunks:
        log.write(chunk)
    assert log.read() == text


def test_a_log_is_bounded() -> None:
    log = ContainerLog()
    for number in range(6000):
        log.note(str(number))
    assert log.read().startswith(b"1000\n")


def test_the_first_client_gets_all_output_and_the_next_only_new_output() -> None:
    async def play() -> tuple[Client, Client]:
        console, first, second = Console({}, ContainerLog()), Client(ends=False), Client(ends=False)
        await console.stdout(b"before")
        await console.stderr(b"warning")
        attached = [asyncio.create_task(console.attach(client)) for client in (first, second)]
        await asyncio.sleep(0)
        await console.stdout(b"after")
        console.end()
        await asyncio.wait_for(asyncio.gather(*attached), 5)
        return first, second

    first, second = asyncio.run(play())
    assert first.heard == [("out", b"before"), ("err", b"warning"), ("out", b"after")]
    assert second.heard == [("out", b"after")]


@pytest.mark.parametrize(
    ("container", "heard"),
    [
        ({"stdin": True, "stdinOnce": True}, [b"a", b"b", None]),
        ({"stdin": True}, [b"a", b"b"]),
    ],
)
def test_stdin_once_ends_with_its_client(container: dict[str, Any], heard: list[Any]) -> None:
    async def play() -> list[Any]:
        console = Console(container, ContainerLog())
        attached = asyncio.create_task(console.attach(Client([b"a", b"b"])))
        assert console.stdin is not None
        stream, found = console.stdin, []
        for _ in heard:
            found.append(await asyncio.wait_for(anext(stream, None), 5))
        console.end()
        await asyncio.wait_for(attached, 5)
        return found

    assert asyncio.run(play()) == heard


def test_a_container_without_stdin_has_none() -> None:
    assert Console({}, ContainerLog()).stdin is None
