"""Looks up the names of an inventory, and finds the shortest spelling of an object's name.

A bare name means the object in the default namespace if there is one, else the one in the only namespace that has one.
An object that is absent in a step keeps its name: a path to it is an error, and never means an object of the same name
in another namespace.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass

from netpol_harness.model.kinds import WORKLOAD_NAMES
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.diagnostics import ProblemWithoutPlace, suggest
from netpol_harness.paths.path import Inventory
from netpol_harness.paths.terms import Name

ANY = "any"
"""The name that stands for all workloads; an object of this name is written in the form with parentheses."""


@dataclass(frozen=True, slots=True, order=True)
class ObjectName:
    """Any API object by kind and name; ``ref`` has an empty namespace for cluster-scoped kinds."""

    kind: str
    ref: NamespacedName

    def __str__(self) -> str:
        return f"{self.kind} {self.ref if self.ref.namespace else self.ref.name}"


@dataclass(frozen=True, slots=True)
class Named:
    """What has a name in a namespace: a workload, a Service, or one of each."""

    ref: NamespacedName
    is_workload: bool
    is_service: bool


_INDEX = re.compile(r"0|[1-9][0-9]*")
_Index = dict[str, tuple[NamespacedName, ...]]


class Names:
    """The names that the paths of one step may use: those of ``inventory``, and those ``absent`` in the step."""

    def __init__(self, inventory: Inventory, absent: Set[ObjectName] = frozenset()) -> None:
        self._inventory = inventory
        self._default = inventory.default_namespace
        self._externals = inventory.externals
        gone = {name.ref for name in absent if name.kind in WORKLOAD_NAMES}
        gone_services = {name.ref for name in absent if name.kind == "Service"}
        self._workloads = _by_bare_name({*inventory.workloads, *gone})
        self._services = _by_bare_name({*inventory.services, *gone_services})
        self._either = _by_bare_name({*inventory.workloads, *gone, *inventory.services, *gone_services})

    def knows(self, name: Name) -> bool:
        """Return whether anything in the scenario has this name."""
        return bool(
            self.external(name) or self.domain(name) or self._candidates(name, self._either) or self.member(name)
        )

    def external(self, name: Name) -> str | None:
        """Return the external host of this name, ``None`` if there is none."""
        return name.name if not name.namespace and name.name in self._externals else None

    def domain(self, name: Name) -> bool:
        """Return whether this is a name outside the cluster that the scenario gives addresses."""
        return not name.namespace and name.name in self._inventory.domain_records

    def workload(self, name: Name) -> NamespacedName:
        """Return the workload of this name; raises ``ProblemWithoutPlace`` if there is not exactly one."""
        matches = self._candidates(name, self._workloads)
        if not matches and self._candidates(name, self._services):
            raise ProblemWithoutPlace(f"'{name}' is a Service, not a pod", "name one of its pods instead")
        return self._single(name, matches, "workload", self._workloads)

    def pods(self, name: Name, replica: int | None = None) -> tuple[NamespacedName, int | None]:
        """Return a workload and the index of one of its pods, ``None`` for all; raises as ``workload`` does.

        ``db-0`` is a pod of the StatefulSet ``db``, unless a workload is called so.
        """
        if replica is None and (member := self.member(name)):
            return member
        literal = NamespacedName(name.name, str(replica))
        if replica is not None and not name.namespace and literal in self._workloads.get(literal.name, ()):
            return literal, None
        return self.workload(name), replica

    def member(self, name: Name) -> tuple[NamespacedName, int] | None:
        """Return the StatefulSet and the index of the pod that has this name; ``None`` if there is none.

        Everything that is called so itself comes first.
        """
        owner, dash, index = name.name.rpartition("-")
        if self.external(name) or self._candidates(name, self._either) or not (dash and _INDEX.fullmatch(index)):
            return None
        matches = self._candidates(Name(name.namespace, owner), self._workloads)
        found = [ref for ref in matches if self._has_member(ref, int(index))]
        return (found[0], int(index)) if len(found) == 1 else None

    def _has_member(self, ref: NamespacedName, index: int) -> bool:
        workload = self._inventory.workloads.get(ref)
        return workload is not None and workload.kind == "StatefulSet" and index in workload.replica_indexes

    def service(self, name: Name) -> NamespacedName:
        """Return the Service of this name; raises ``ProblemWithoutPlace`` if there is not exactly one."""
        matches = self._candidates(name, self._services)
        if not matches and self._candidates(name, self._workloads):
            raise ProblemWithoutPlace(f"'{name}' is a workload, not a Service", "name a Service instead")
        return self._single(name, matches, "Service", self._services)

    def target(self, name: Name) -> "Named":
        """Return what a plain target names; raises ``ProblemWithoutPlace`` if there is not exactly one."""
        matches = self._candidates(name, self._either)
        ref = self._single(name, matches, "workload, Service or external host", self._either)
        return Named(ref, ref in self._workloads.get(ref.name, ()), ref in self._services.get(ref.name, ()))

    def spell_source(self, ref: NamespacedName) -> str:
        """Return the shortest spelling of a workload as a source."""
        spelled = self._spell(ref, self._workloads)
        return f"pod({spelled})" if ref.name == ANY else spelled

    def spell_target(self, ref: NamespacedName) -> str:
        """Return the shortest spelling of a workload as a target."""
        if ref.name == ANY or ref in self._services.get(ref.name, ()):
            return f"pod({self._spell(ref, self._workloads)})"
        return self._spell(ref, self._either)

    def spell_service(self, ref: NamespacedName) -> str:
        """Return the shortest spelling of a Service as a target."""
        if ref.name == ANY or ref in self._workloads.get(ref.name, ()):
            return f"service({self._spell(ref, self._services)})"
        return self._spell(ref, self._either)

    def _spell(self, ref: NamespacedName, index: _Index) -> str:
        bare = Name("", ref.name)
        return ref.name if not self.external(bare) and self._candidates(bare, index) == (ref,) else str(ref)

    def _candidates(self, name: Name, index: _Index) -> tuple[NamespacedName, ...]:
        same = index.get(name.name, ())
        namespace = name.namespace or self._default
        preferred = tuple(ref for ref in same if ref.namespace == namespace)
        return preferred if preferred or name.namespace else same

    def _single(self, name: Name, matches: tuple[NamespacedName, ...], what: str, index: _Index) -> NamespacedName:
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise ProblemWithoutPlace(
                f"'{name}' is in several namespaces", f"write one of {', '.join(map(str, matches))}"
            )
        raise ProblemWithoutPlace(f"there is no {what} called '{name}'", self._remedy(name, index))

    def _remedy(self, name: Name, index: _Index) -> str:
        if not name.namespace:
            return suggest(name.name, {*index, *self._externals, *self._inventory.domain_records})
        refs = [ref for same in index.values() for ref in same]
        if name.namespace in index and name.namespace not in {ref.namespace for ref in refs}:
            return f"'{name.namespace}' is not a namespace: remove '/{name.name}'"
        return suggest(str(name), map(str, refs))


def _by_bare_name(refs: Iterable[NamespacedName]) -> _Index:
    index: dict[str, list[NamespacedName]] = defaultdict(list)
    for ref in sorted(refs):
        index[ref.name].append(ref)
    return {name: tuple(same) for name, same in index.items()}
