"""Backends by name, imported when chosen; and what ``auto`` takes on this machine."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from netpol_harness.backends.base import Backend, ClusterOptions, Progress, ignore
from netpol_harness.errors import ClusterFailed

BY_USER = "chosen by --cluster"


@dataclass(frozen=True, slots=True)
class BackendChoice:
    """A backend and the reason for it."""

    backend: Backend
    why: str


def choose(
    name: str, options: ClusterOptions, *, kind_only: Collection[str] = (), progress: Progress = ignore
) -> BackendChoice:
    """The backend for a value of ``--cluster``. ``kind_only`` are the options given that mean something to kind alone.

    Raises ``ClusterFailed`` for a value that names no backend, and for options that the backend could only ignore.
    """
    backend, _, context = name.partition(":")
    if name == "auto":
        return _automatic(options, kind_only, progress)
    if kind_only and backend != "kind":
        raise ClusterFailed(f"{', '.join(kind_only)}: for --cluster kind alone, and this is --cluster {name}")
    match backend, context:
        case "kind", "":
            from netpol_harness.backends.kind.backend import KindBackend

            return BackendChoice(KindBackend(options, progress), BY_USER)
        case "embedded", "":
            from netpol_harness.backends.embedded import EmbeddedBackend

            return BackendChoice(EmbeddedBackend(mutant=options.mutant), BY_USER)
        case "kubeconfig", _:
            from netpol_harness.backends.existing import ExistingClusterBackend

            return BackendChoice(ExistingClusterBackend(replace(options, context=context), progress), BY_USER)
    raise ClusterFailed(
        f"--cluster {name}: no such backend; there are auto, kind, embedded, kubeconfig and kubeconfig:CONTEXT"
    )


def _automatic(options: ClusterOptions, kind_only: Collection[str], progress: Progress) -> BackendChoice:
    """kind where it works, else embedded; but what was said of kind is never dropped without a word."""
    lack = _obstacle(options)
    if lack is None:
        from netpol_harness.backends.kind.backend import KindBackend

        kind = KindBackend(options, progress)
        lack = kind.available()
        if lack is None:
            return BackendChoice(kind, "chosen by auto: kind works here")
    if kind_only:
        given = ", ".join(kind_only)
        raise ClusterFailed(f"{given}: for kind, which does not work here ({lack}); mend that, or leave the option out")
    from netpol_harness.backends.embedded import EmbeddedBackend

    return BackendChoice(EmbeddedBackend(), f"chosen by auto: kind does not work here, {lack}")


def _obstacle(options: ClusterOptions) -> str | None:
    """What a short look shows to be in kind's way; the backend itself takes long to import, and is seldom needed."""
    from netpol_harness.backends.kind.images import node_image
    from netpol_harness.backends.kind.preflight import preflight

    found = preflight(node_image(options.kube_image, options.image_prefix), options.nodes)
    return str(found.obstacles[0]) if found.obstacles else None
