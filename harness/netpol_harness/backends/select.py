"""Choose the backend for a value of ``--cluster``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netpol_harness.backends.base import Backend, BackendFactory, Progress, ignore
from netpol_harness.backends.options import BackendDescriptor, long_name
from netpol_harness.backends.registry import AUTO, BACKENDS, choices
from netpol_harness.errors import ClusterFailed

BY_USER = "chosen by --cluster"


@dataclass(frozen=True, slots=True)
class BackendChoice:
    """A backend and the reason for it."""

    backend: Backend
    reason: str


@dataclass(frozen=True, slots=True)
class BackendOptions:
    """The values of all backends' options by field name, and the names of those that no backend may ignore."""

    values: Mapping[str, Any] = field(default_factory=dict)
    binding: tuple[str, ...] = ()

    def foreign_to(self, backend: BackendDescriptor[Any]) -> tuple[str, ...]:
        """Return the names of the binding options that this backend does not have."""
        own = {option.name for option in backend.options}
        return tuple(name for name in self.binding if name not in own)


def choose(
    cluster: str, options: BackendOptions | None = None, *, run: str = "", progress: Progress = ignore
) -> BackendChoice:
    """Return the backend for a value of ``--cluster``.

    Raises ``ClusterFailed`` if it names no backend, and if the backend would have to ignore a binding option.
    """
    options = options or BackendOptions()
    if cluster == AUTO:
        return _automatic(options, run, progress)
    name, _, context = cluster.partition(":")
    backend = next((b for b in BACKENDS if b.name == name and (b.takes_context or not context)), None)
    if backend is None:
        raise ClusterFailed(f"--cluster {cluster}: no such backend; choose {choices()}")
    if foreign := options.foreign_to(backend):
        raise _misplaced(foreign, cluster)
    return BackendChoice(_factory(backend, options, context).backend(run, progress), BY_USER)


def _automatic(options: BackendOptions, run: str, progress: Progress) -> BackendChoice:
    """The last automatic backend is the fallback. It is not asked for obstacles: its own error names them."""
    automatic = [backend for backend in BACKENDS if backend.is_automatic]
    fitting = [backend for backend in automatic if not options.foreign_to(backend)]
    if not fitting:
        raise _misplaced(options.binding, AUTO)
    obstacles: list[tuple[str, str]] = []
    for backend in fitting:
        factory = _factory(backend, options)
        if backend is automatic[-1]:
            reasons = [f"{name} does not work here, {obstacle}" for name, obstacle in obstacles]
            reason = "; ".join(reasons) or f"{_longs(options.binding)} is for {backend.name}"
            return BackendChoice(factory.backend(run, progress), f"chosen by auto: {reason}")
        if (obstacle := factory.obstacle()) is None:
            return BackendChoice(factory.backend(run, progress), f"chosen by auto: {backend.name} works here")
        obstacles.append((backend.name, obstacle))
    name, obstacle = obstacles[0]
    names = _longs(options.binding)
    raise ClusterFailed(f"{names}: for {name}, which does not work here ({obstacle}); fix that or leave the option out")


def _factory(backend: BackendDescriptor[Any], options: BackendOptions, context: str = "") -> BackendFactory:
    values = {option.name: options.values[option.name] for option in backend.options if option.name in options.values}
    if backend.takes_context:
        values["context"] = context
    return backend.factory(backend.options_type(**values))


def _misplaced(names: Sequence[str], cluster: str) -> ClusterFailed:
    """``--netpol-cni, --netpol-offline: for --netpol-cluster kind alone, and this is --netpol-cluster embedded``."""
    owned: dict[str, list[str]] = {}
    for name in names:
        owners = [b.name for b in BACKENDS if name in {option.name for option in b.options}]
        owned.setdefault(" or ".join(owners), []).append(name)
    parts = [f"{_longs(own)}: for --netpol-cluster {owners} alone" for owners, own in owned.items()]
    return ClusterFailed(f"{'; '.join(parts)}, and this is --netpol-cluster {cluster}")


def _longs(names: Sequence[str]) -> str:
    return ", ".join(map(long_name, names))
