"""The options of ``--cluster kubeconfig``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netpol_harness.backends.options import BackendDescriptor, Binding, option

if TYPE_CHECKING:
    from netpol_harness.backends.base import Backend, Progress


def _mapping(text: str) -> tuple[str, str]:
    logical, equals, real = text.rpartition("=")
    if not real or (equals and not logical):
        raise ValueError("it maps nothing; give NAME=GIVEN, or GIVEN for the namespace default")
    return logical or "default", real


@dataclass(frozen=True, slots=True)
class ExistingOptions:
    """The cluster to use.

    ``namespace`` maps a scenario's namespaces onto existing ones, in which only the scenario's own objects are created.
    ``production_pattern`` are regular expressions of names that are refused unless ``yes_really``. ``context`` is a
    context of the kubeconfig, empty for the current one.
    """

    namespace: tuple[tuple[str, str], ...] = option(
        "put a scenario's namespace NAME (default: default) into the existing namespace GIVEN; may be repeated",
        metavar="[NAME=]GIVEN",
        parse=_mapping,
        binding=Binding.ALWAYS,
        default=(),
    )
    production_pattern: tuple[str, ...] = option(
        "contexts, clusters and servers that are refused because they look like production; may be repeated",
        metavar="REGEX",
        binding=Binding.NEVER,
        former_keys=("netpol_production_patterns",),
        default=(),
    )
    yes_really: bool = option("use the cluster even if it looks like production", binding=Binding.NEVER, default=False)
    context: str = ""


class ExistingClusterFactory:
    """An existing cluster before it is chosen (``backends.options.BackendFactory``)."""

    def __init__(self, options: ExistingOptions) -> None:
        self._options = options

    def obstacle(self) -> str | None:
        """Return ``None``: the cluster is asked once it is needed."""
        return None

    def backend(self, run: str, progress: "Progress") -> "Backend":
        """Return the backend. Raises ``ClusterFailed`` if there is no such context, or it looks like production."""
        from netpol_harness.backends.existing.backend import ExistingClusterBackend

        return ExistingClusterBackend(self._options, progress)


EXISTING_BACKEND = BackendDescriptor("kubeconfig", ExistingOptions, ExistingClusterFactory, takes_context=True)
