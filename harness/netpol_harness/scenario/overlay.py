"""Objects that are applied over those of a scenario's files, and objects that are deleted from them. Pure.

An object takes the place of the one with its kind and name, as with ``kubectl apply``. Deleting a Namespace deletes all
that is in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from netpol_harness.paths.names import ObjectName
from netpol_harness.scenario.api_objects import LocatedManifest

_Key = tuple[str, ObjectName]


@dataclass(frozen=True, slots=True)
class Overlay:
    """The objects to add or to replace, and the names of those to delete, each with its API group."""

    applied: tuple[LocatedManifest, ...] = ()
    deleted: frozenset[_Key] = frozenset()

    def over(self, written: Sequence[LocatedManifest], *, policies: bool) -> tuple[LocatedManifest, ...]:
        """Return the objects of a list after the change; ``policies`` tells which of the applied ones belong there."""
        if self == NOTHING:
            return tuple(written)
        own = [each for each in self.applied if (each.manifest.family is not None) is policies]
        replaced = {_key(each) for each in own}
        kept = [each for each in written if _key(each) not in replaced and not self._deletes(each)]
        return (*kept, *own)

    def _deletes(self, located: LocatedManifest) -> bool:
        gone = {name.ref.name for _, name in self.deleted if name.kind == "Namespace"}
        return _key(located) in self.deleted or located.manifest.name.ref.namespace in gone


def _key(located: LocatedManifest) -> _Key:
    return located.manifest.group, located.manifest.name


NOTHING = Overlay()
"""The overlay that changes nothing."""
