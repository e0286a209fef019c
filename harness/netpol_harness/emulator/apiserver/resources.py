"""A served resource: one kind of object in one version of its group. Routing, discovery, schema lookups and field
selectors follow from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netpol_harness.emulator.apiserver.errors import ErrorSubject

if TYPE_CHECKING:
    from netpol_harness.emulator.apiserver.custom.version import CustomVersion

_PACKAGES = {
    "apiextensions.k8s.io": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
    "apiregistration.k8s.io": "io.k8s.kube-aggregator.pkg.apis.apiregistration",
    "apps.openshift.io": "com.github.openshift.api.apps",
}
"""Groups whose definitions are outside ``io.k8s.api``."""
VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class ServedResource:
    """One kind of object.

    ``definition`` is its OpenAPI name. ``selectable`` maps the field labels that lists may select by to paths in the
    object, besides metadata.name and metadata.namespace. ``enforced`` tells whether the data plane reads the resource,
    so that a change waits for the data plane. ``counts_generation`` tells whether metadata.generation counts changes of
    the specification. ``orphans`` tells whether a deletion without a policy leaves the dependents. ``custom`` is set if
    a CustomResourceDefinition brings the kind.
    """

    plural: str
    kind: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    selectable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    enforced: bool = False
    counts_generation: bool = False
    orphans: bool = False
    verbs: tuple[str, ...] = VERBS
    custom: "CustomVersion | None" = None
    singular_name: str = ""
    list_name: str = ""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def definition(self) -> str:
        if self.custom:
            return f"{'.'.join(reversed(self.group.split('.')))}.{self.version}.{self.kind}"
        package = _PACKAGES.get(self.group, f"io.k8s.api.{self.group.split('.')[0] or 'core'}")
        return f"{package}.{self.version}.{self.kind}"

    @property
    def storage(self) -> str:
        """The name of the kind in the store: a custom kind may have the plural of another group's kind."""
        return f"{self.plural}.{self.group}" if self.custom else self.plural

    @property
    def singular(self) -> str:
        return self.singular_name or self.kind.lower()

    @property
    def list_kind(self) -> str:
        return self.list_name or f"{self.kind}List"

    @property
    def has_status(self) -> bool:
        return "status" in self.subresources

    def kind_subject(self, name: str) -> ErrorSubject:
        """Return the subject of errors about an invalid object: its kind."""
        return ErrorSubject(self.group, self.kind, name)

    def plural_subject(self, name: str) -> ErrorSubject:
        """Return the subject of errors about a missing object: its plural."""
        return ErrorSubject(self.group, self.plural, name)


def with_type_meta(resource: ServedResource, obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object with its kind and apiVersion first, as on the wire."""
    return {"kind": resource.kind, "apiVersion": resource.api_version, **without(obj, "kind", "apiVersion")}


def without(obj: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return a shallow copy without these fields."""
    return {name: value for name, value in obj.items() if name not in names}
