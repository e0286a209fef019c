"""All backends. Every run of pytest imports this module if the package is installed: see ``backends.options``."""

from typing import Any

from netpol_harness.backends.embedded.options import EMBEDDED_BACKEND
from netpol_harness.backends.existing.options import EXISTING_BACKEND
from netpol_harness.backends.kind.options import KIND_BACKEND
from netpol_harness.backends.options import BackendDescriptor

BACKENDS: tuple[BackendDescriptor[Any], ...] = (KIND_BACKEND, EMBEDDED_BACKEND, EXISTING_BACKEND)
"""``auto`` takes the first automatic backend that has the options of the user and can be used here."""

AUTO = "auto"


def choices() -> str:
    """Return the values of ``--cluster``: ``auto, kind, embedded, kubeconfig or kubeconfig:CONTEXT``."""
    names = [AUTO, *(backend.name for backend in BACKENDS)]
    names += [f"{backend.name}:CONTEXT" for backend in BACKENDS if backend.takes_context]
    return f"{', '.join(names[:-1])} or {names[-1]}"
