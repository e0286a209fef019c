"""The connections that policies of other APIs may decide about: those of the pods of their namespaces, or all. Pure.

The oracle does not read such policies. What they may govern is undefined, and needs a cluster that enforces them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.path import Path
from netpol_harness.scenario.family import ApiGroupFamily
from netpol_harness.scenario.scenario import Manifest

_MESH_ROOTS = frozenset({"istio-system"})
"""Namespaces whose policies hold for a whole mesh (istio.io/latest/docs/reference/config/security)."""

Families = tuple[ApiGroupFamily, ...]


@dataclass(frozen=True, slots=True)
class Governance:
    """The families of the foreign policies that are in force ``everywhere`` and in single namespaces."""

    everywhere: Families = ()
    by_namespace: Mapping[str, Families] = field(default_factory=dict)

    @classmethod
    def of(cls, policies: Iterable[Manifest]) -> "Governance":
        """Return what the foreign ones among these policies may govern.

        The scope of a kind that is not known is told by the manifest: without a namespace it counts for all.
        """
        everywhere: list[ApiGroupFamily] = []
        by_namespace: dict[str, list[ApiGroupFamily]] = defaultdict(list)
        for policy in policies:
            family = policy.family
            if family is not None and family.is_foreign:
                namespace = policy.data["metadata"].get("namespace")
                wide = not policy.name.ref.namespace or namespace in _MESH_ROOTS
                unknown = family is ApiGroupFamily.OTHER and not namespace
                (everywhere if wide or unknown else by_namespace[policy.name.ref.namespace]).append(family)
        return cls(_unique(everywhere), {name: _unique(families) for name, families in by_namespace.items()})

    def families(self, namespaces: Iterable[str]) -> Families:
        """Return the families of policies that may decide about connections of pods of these namespaces."""
        local = (family for name in namespaces for family in self.by_namespace.get(name, ()))
        return _unique((*self.everywhere, *local))

    def families_of(self, path: Path) -> Families:
        """Return the families of policies that may decide about a path."""
        return self.families(namespaces_of(path)) if self.everywhere or self.by_namespace else ()


def namespaces_of(path: Path) -> frozenset[str]:
    """Return the namespaces that the ends of a path name."""
    refs = (getattr(end, "ref", None) for end in (path.source, path.target))
    return frozenset(ref.namespace for ref in refs if isinstance(ref, NamespacedName))


def _unique(families: Iterable[ApiGroupFamily]) -> Families:
    return tuple(dict.fromkeys(families))
