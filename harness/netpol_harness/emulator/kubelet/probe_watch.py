"""Watches a running container by its probes: from its start to its end, or until a probe ends it.

Order and thresholds are the kubelet's (kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes):
liveness and readiness begin when the startup probe has succeeded.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Protocol

from netpol_harness.emulator.kubelet.probespec import ConsecutiveResults, ContainerProbe, ProbeKind, ProbeResult

Check = Callable[[ContainerProbe], Awaitable[ProbeResult]]


class WatchedContainer(Protocol):
    """What the results of a container's probes do to it."""

    def set_started(self) -> None:
        """The container has started: its startup probe has succeeded, or it has none."""
        ...

    def set_ready(self, *, ready: bool) -> None:
        """The container takes traffic of Services, or takes none."""
        ...

    def note_failure(self, kind: ProbeKind, message: str) -> None:
        """A probe has failed once."""
        ...

    def kill(self, kind: ProbeKind) -> None:
        """The container ends, because this probe has failed too often."""
        ...


async def watch(probes: Mapping[ProbeKind, ContainerProbe], check: Check, container: WatchedContainer) -> None:
    """Run the probes until one ends the container, or for ever. Cancel when the container ends."""
    began = asyncio.get_running_loop().time()
    if startup := probes.get(ProbeKind.STARTUP):
        async with aclosing(_counted_results(startup, check, container, began)) as results:
            first = await anext(results)
        if not first.passed:
            container.kill(ProbeKind.STARTUP)
            return
    container.set_started()
    others = {kind: probe for kind, probe in probes.items() if kind is not ProbeKind.STARTUP}
    async with asyncio.TaskGroup() as group:
        for kind, probe in others.items():
            apply = _apply_liveness if kind is ProbeKind.LIVENESS else _apply_readiness
            group.create_task(apply(_counted_results(probe, check, container, began), container))


async def _apply_liveness(results: AsyncIterator[ProbeResult], container: WatchedContainer) -> None:
    async for result in results:
        if not result.passed:
            container.kill(ProbeKind.LIVENESS)
            return


async def _apply_readiness(results: AsyncIterator[ProbeResult], container: WatchedContainer) -> None:
    async for result in results:
        container.set_ready(ready=result.passed)


async def _counted_results(
    probe: ContainerProbe, check: Check, container: WatchedContainer, began: float
) -> AsyncGenerator[ProbeResult, None]:
    """Yield the results that count. ``began`` is the loop's time at which the container started."""
    loop, results = asyncio.get_running_loop(), ConsecutiveResults(probe)
    await asyncio.sleep(max(0.0, began + probe.delay - loop.time()))
    while True:
        due = loop.time() + probe.period
        result = await check(probe)
        if not result.passed:
            container.note_failure(probe.kind, result.message)
        if results.count(result):
            yield result
        await asyncio.sleep(max(0.0, due - loop.time()))
