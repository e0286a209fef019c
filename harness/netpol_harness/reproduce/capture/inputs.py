"""What was read from a cluster or from a dump of one, and what could not be read. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from netpol_harness.errors import HarnessError
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.kinds import GroupKind
from netpol_harness.model.objects import World


@dataclass(frozen=True, slots=True)
class Gap:
    """A kind of object that could not be read: why, and what the capture lacks.

    ``is_policy``: verdicts may be wrong.
    """

    kind: str
    why: str
    lacks: str
    is_policy: bool = False

    def __str__(self) -> str:
        return f"{self.kind}: {self.why}; {self.lacks}"


@dataclass(frozen=True, slots=True)
class ClusterInput:
    """The objects of a cluster, as its API lists them, and what is missing.

    ``source`` names the cluster or the dump.
    """

    source: str
    objects: tuple[JsonMapping, ...]
    gaps: tuple[Gap, ...] = ()

    def of_kind(self, group: str, kind: str) -> tuple[JsonMapping, ...]:
        """Return the objects of a kind, whatever the version of their API."""
        return tuple(data for data in self.objects if GroupKind.of(data) == GroupKind(group, kind))


def checked(objects: Iterable[JsonMapping], source: str) -> tuple[JsonMapping, ...]:
    """Return the objects that are readable as API objects. Raises ``HarnessError`` that names the first other one."""
    found = []
    for number, data in enumerate(objects, start=1):
        try:
            metadata = data["metadata"]
            _text(data["apiVersion"]), _text(data["kind"]), _text(metadata["name"])
            World.parse([data])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            name = f"{data.get('kind')} {_name(data)}" if isinstance(data, Mapping) else "it"
            what = f"object {number} of {source} cannot be read ({name}: {type(error).__name__} {error})"
            raise HarnessError(f"{what}; give the output of kubectl get -o yaml") from error
        found.append(data)
    return tuple(found)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("a name is missing")
    return value


def _name(data: JsonMapping) -> str:
    metadata = data.get("metadata")
    return str(metadata.get("name")) if isinstance(metadata, Mapping) else "without metadata"
