"""How a step is entered, and the probe modes that this permits. Pure."""

from collections.abc import Set
from dataclasses import dataclass

from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.diagnostics import ProblemWithoutPlace
from netpol_harness.paths.ends import NodeSource, PodSource, PodTarget
from netpol_harness.paths.names import ObjectName
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Path, ProbeMode


@dataclass(frozen=True, slots=True)
class Transition:
    """How a step is entered.

    ``absent`` are the objects that do not exist in it, ``created`` the workloads whose pods are created on entering it,
    and ``held`` the paths whose connections earlier steps have opened.
    """

    absent: Set[ObjectName] = frozenset()
    created: Set[NamespacedName] = frozenset()
    held: Set[Path] = frozenset()

    def check(self, path: Path, expected: Expected) -> None:
        """Raise a ``ProblemWithoutPlace`` if the path's probe mode does not fit the way the step is entered."""
        source = path.source.ref if isinstance(path.source, PodSource | NodeSource) else None
        target = path.target.ref if isinstance(path.target, PodTarget) else None
        created = [ref for ref in (source, target) if ref in self.created]
        match path.mode:
            case ProbeMode.FIRST_PACKET if len(created) != 1:
                what = f"'{path}' probes a pod's first packets, but {'both ends are' if created else 'neither end is'}"
                raise ProblemWithoutPlace(
                    f"{what} created on entering this step",
                    "list one end under 'recreate', or under 'absent' in the step before",
                )
            case ProbeMode.CONTINUOUS if created:
                raise ProblemWithoutPlace(
                    f"'{path}' is probed from before this step is entered, but {created[0]} is created on entering it",
                    f"write 'first {path.text.removeprefix('throughout ')}', or keep the pod in this step",
                )
            case ProbeMode.PERSISTENT if path not in self.held and expected is not Expected.ALLOWED:
                raise ProblemWithoutPlace(
                    f"'{path}' is opened in this step, where it must be allowed",
                    "add it as 'allowed' to an earlier step",
                )
            case ProbeMode.PERSISTENT if path in self.held and source in self.created:
                raise ProblemWithoutPlace(
                    f"'{path}' cannot stay open: {source} is created on entering this step",
                    "remove the path, or do not recreate the pod",
                )
