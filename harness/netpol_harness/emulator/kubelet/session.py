"""One exec session: a process in a sandbox, and its streams between pipes (or a terminal) and the client.

Invariant: if a session ends in any other way than the process's own exit (client gone, error), its whole process group
is killed. No descriptor stays open. All output from before the exit is delivered. As with containerd, standard input
ends as soon as the process has closed its standard output or error.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import FileIO

from netpol_harness.emulator.apiserver.runtime import ContainerExecFailed, ExecStreams
from netpol_harness.emulator.kernel.netns import Namespaces
from netpol_harness.emulator.kubelet.spawn import Process, SpawnCommand, Spawner

_CHUNK = 65536
_END_OF_TRANSMISSION = b"\x04"

Send = Callable[[bytes], Awaitable[None]]
Ended = asyncio.Future[int]


async def execute(
    spawner: Spawner,
    namespaces: Namespaces,
    argv: Sequence[str],
    environment: Mapping[str, str],
    streams: ExecStreams,
    started: Callable[[], None] = lambda: None,
) -> int:
    """Run ``argv`` in the namespaces with the client's streams, and return its exit code. Cancel to kill it.

    ``started`` is called once the process runs. Raises ``ContainerExecFailed``.
    """
    with ExitStack() as stack:
        try:
            if streams.tty:
                environment = {"TERM": "xterm", **environment}
            wiring = _terminal(streams, stack, spawner.user) if streams.tty else _pipes(streams, stack)
            process = await spawner.start(namespaces, wiring.command(argv, environment))
        except OSError as problem:
            raise ContainerExecFailed(f'exec: "{argv[0]}": {problem.strerror}') from problem
        try:
            started()
            wiring.close_child_ends()
            return await _pump(process, wiring, streams.stdin)
        except BaseException:
            process.kill()
            raise


@dataclass(slots=True)
class _Wiring:
    """Descriptors of a session: the child's ends (standard input, output, error; or a terminal's path), and ours."""

    child: list[FileIO]
    inward: FileIO | None
    outward: list[tuple[FileIO, Send]]
    terminal: str = ""

    def command(self, argv: Sequence[str], environment: Mapping[str, str]) -> SpawnCommand:
        if self.terminal:
            return SpawnCommand(argv, environment, terminal=self.terminal)
        source, output, error = (end.fileno() for end in self.child)
        return SpawnCommand(argv, environment, (source, output, error))

    def close_child_ends(self) -> None:
        for end in self.child:
            end.close()


def _pipes(streams: ExecStreams, stack: ExitStack) -> _Wiring:
    if streams.stdin is None:
        source, inward = stack.enter_context(FileIO(os.devnull)), None
    else:
        source, inward = _pipe(stack)
        os.set_blocking(inward.fileno(), False)
    outward: list[tuple[FileIO, Send]] = []
    child = [source]
    for send in (streams.stdout, streams.stderr):
        reader, writer = _pipe(stack)
        os.set_blocking(reader.fileno(), False)
        outward.append((reader, send))
        child.append(writer)
    return _Wiring(child, inward, outward)


def _terminal(streams: ExecStreams, stack: ExitStack, user: int | None) -> _Wiring:
    primary, secondary = (stack.enter_context(FileIO(descriptor, "r+")) for descriptor in os.openpty())
    os.set_blocking(primary.fileno(), False)
    path = os.ttyname(secondary.fileno())
    if user is not None:
        os.chown(path, user, user)
    return _Wiring([secondary], primary if streams.stdin else None, [(primary, streams.stdout)], path)


def _pipe(stack: ExitStack) -> tuple[FileIO, FileIO]:
    reader, writer = os.pipe()
    return stack.enter_context(FileIO(reader)), stack.enter_context(FileIO(writer, "w"))


async def _pump(process: Process, wiring: _Wiring, stdin: AsyncIterator[bytes] | None) -> int:
    outward = [asyncio.create_task(_drain(source, send, process.ended)) for source, send in wiring.outward]
    inward = []
    if stdin is not None and wiring.inward is not None:
        inward.append(asyncio.create_task(_feed(wiring, wiring.inward, stdin)))
    try:
        await asyncio.wait(outward, return_when=asyncio.FIRST_COMPLETED)
        await _end_input(wiring, inward)
        await asyncio.gather(*outward)
        return await process.ended
    finally:
        for task in inward + outward:
            task.cancel()
        # They still watch descriptors, whose numbers are reused as soon as these are closed.
        await asyncio.gather(*inward, *outward, return_exceptions=True)


async def _end_input(wiring: _Wiring, feeding: Sequence[asyncio.Task[None]]) -> None:
    """End the input. A terminal keeps its descriptor, which serves both directions and may still have output."""
    for task in feeding:
        task.cancel()
    await asyncio.gather(*feeding, return_exceptions=True)  # it watches the descriptor that is closed next
    if wiring.inward is not None and not wiring.terminal:
        wiring.inward.close()


async def _drain(source: FileIO, send: Send, ended: Ended) -> None:
    while data := await _read(source.fileno(), ended):
        await send(data)


async def _read(descriptor: int, ended: Ended) -> bytes:
    """Return the next chunk; empty at the end.

    The end includes an empty pipe that only left-over children still hold open.
    """
    while True:
        try:
            return os.read(descriptor, _CHUNK)
        except BlockingIOError:
            if ended.done():
                return b""
            await _readable(descriptor, ended)
        except OSError:  # EIO: a terminal without users
            return b""


async def _feed(wiring: _Wiring, target: FileIO, chunks: AsyncIterator[bytes]) -> None:
    try:
        async for chunk in chunks:
            await _write(target.fileno(), chunk)
        if wiring.terminal:
            await _write(target.fileno(), _END_OF_TRANSMISSION)
        else:
            target.close()
    except OSError:  # the process reads no input any more
        return


async def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            await _writable(descriptor)


async def _readable(descriptor: int, ended: Ended) -> None:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    ended.add_done_callback(wake := lambda _: ready.set())
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
        ended.remove_done_callback(wake)


async def _writable(descriptor: int) -> None:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_writer(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(descriptor)
