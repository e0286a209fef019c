"""The options of ``--cluster embedded``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netpol_harness.backends.options import BackendDescriptor, Binding, option

if TYPE_CHECKING:
    from netpol_harness.backends.base import Backend, Progress


@dataclass(frozen=True, slots=True)
class EmbeddedOptions:
    """The cluster to start. ``mutant`` is the name of the bug in its policy agent, empty for none."""

    mutant: str = option(
        "inject one documented bug of network plugins into the embedded cluster's policy agent (docs/mutants.md)",
        metavar="NAME",
        binding=Binding.ALWAYS,
        default="",
    )


class EmbeddedFactory:
    """The embedded cluster before it is chosen (``backends.options.BackendFactory``)."""

    def __init__(self, options: EmbeddedOptions) -> None:
        self._options = options

    def obstacle(self) -> str | None:
        """Return in one line why no embedded cluster can run here, or ``None``."""
        from netpol_harness.backends.embedded.backend import obstacle

        return obstacle()

    def backend(self, run: str, progress: "Progress") -> "Backend":
        """Return the backend. Raises ``ClusterFailed`` if no mutant has this name."""
        from netpol_harness.backends.embedded.backend import EmbeddedBackend

        return EmbeddedBackend(mutant=self._options.mutant)


EMBEDDED_BACKEND = BackendDescriptor("embedded", EmbeddedOptions, EmbeddedFactory, is_automatic=True)
