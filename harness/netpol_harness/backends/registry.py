"""All backends, by the value of ``--cluster`` that names them. As light as ``backends.options``."""

from typing import Any

from netpol_harness.backends.embedded.options import EMBEDDED
from netpol_harness.backends.existing.options import EXISTING
from netpol_harness.backends.kind.options import KIND
from netpol_harness.backends.options import BackendDescriptor

BACKENDS: tuple[BackendDescriptor[Any], ...] = (KIND, EMBEDDED, EXISTING)
"""``auto`` takes the first automatic one that has the options given and can be used here."""

AUTO = "auto"


def choices() -> str:
    """Return the values of ``--cluster``: ``auto, kind, embedded, kubeconfig or kubeconfig:CONTEXT``."""
    names = [AUTO, *(backend.name for backend in BACKENDS)]
    names += [f"{backend.name}:CONTEXT" for backend in BACKENDS if backend.takes_context]
    return f"{', '.join(names[:-1])} or {names[-1]}"
