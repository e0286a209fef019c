"""Maps a scenario's namespaces to those of the cluster. Pure.

Scenarios on a shared cluster get namespaces of their own. Everything that names a namespace is adapted:
``metadata.namespace``, Namespace objects, ``namespaceSelector`` and the ``namespaces`` of a ClusterNetworkPolicy on
``kubernetes.io/metadata.name``, references to objects of other namespaces, and DNS names of Services in any text:
commands, arguments, environment, the data of ConfigMaps and Secrets, ``externalName``. Namespaces that are not mapped,
and all else, stay as written.
"""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from netpol_harness.errors import ClusterFailed
from netpol_harness.model.cluster_policy import with_namespace_requirement
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.kinds import CLUSTER_NETWORK_POLICY, NAMESPACE, GroupKind, is_cluster_scoped
from netpol_harness.model.names import NamespacedName
from netpol_harness.scenario.dns_names import DnsNames
from netpol_harness.scenario.scenario import EXTERNAL_NAMESPACE, NODE_NAMESPACE, Scenario
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL

_LONGEST, _LONGEST_NAME = 63, 253
"""The lengths of a DNS label, and of an object's name, which may be a DNS subdomain."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A one-to-one map from logical to real namespaces. ``given`` ones existed before, and are never changed.

    ``services`` are the Services whose short DNS names are known, by logical names. With a ``suffix``,
    ClusterNetworkPolicies have it at the end of their names, and select pods of the scenario's namespaces only: several
    scenarios can have them on one cluster at the same time.
    """

    names: Mapping[str, str]
    given: bool = False
    services: Collection[NamespacedName] = ()
    suffix: str = ""
    _logical: Mapping[str, str] = field(init=False, repr=False)
    _dns: DnsNames = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        logical = {real: name for name, real in self.names.items()}
        if len(logical) != len(self.names):
            raise ValueError(f"two namespaces are placed in one: {dict(self.names)}")
        object.__setattr__(self, "_logical", logical)
        object.__setattr__(self, "_dns", DnsNames(self.names, self.services))

    @classmethod
    def literal(cls, scenario: Scenario) -> "Placement":
        """Return the placement that keeps every namespace's name."""
        return cls({name: name for name in scenario.namespaces})

    @classmethod
    def given_by(cls, scenario: Scenario, names: Mapping[str, str]) -> "Placement":
        """Return the placement in existing namespaces; raises ``ClusterFailed`` if ``names`` lacks a needed one."""
        missing = set(scenario.namespaces) - names.keys() - {EXTERNAL_NAMESPACE, NODE_NAMESPACE}
        if missing:
            options = " ".join(f"--namespace {name}=NAME" for name in sorted(missing))
            raise ClusterFailed(f"scenario {scenario.name} needs more namespaces than were given; add {options}")
        given = {name: names[name] for name in _placed(scenario) if name in names}
        return cls(given, given=True, services=tuple(scenario.inventory.services))

    @classmethod
    def unique(cls, scenario: Scenario, suffix: str) -> "Placement":
        """Return the placement that names the scenario's namespaces ``SCENARIO-NAMESPACE-SUFFIX``, a DNS label.

        ``suffix`` (a DNS label of at most 20 characters) distinguishes them from those of other runs on the cluster,
        and of other scenarios with a similar name.
        """
        slug = re.sub(r"[^a-z0-9]+", "-", scenario.name.lower()).strip("-") or "scenario"
        names = {name: _fitted(f"{slug}-{name}", suffix) for name in _placed(scenario)}
        of_policies = "" if scenario.exclusive else suffix
        return cls(names, services=tuple(scenario.inventory.services), suffix=of_policies)

    def real(self, namespace: str) -> str:
        """Return the namespace's name on the cluster."""
        return self.names.get(namespace, namespace)

    def logical(self, namespace: str) -> str:
        """Return the namespace's name in the scenario's files."""
        return self._logical.get(namespace, namespace)

    def policy(self, name: str) -> str:
        """Return the name of a ClusterNetworkPolicy on the cluster."""
        return _fitted(name, self.suffix, _LONGEST_NAME) if self.suffix else name

    def manifest(self, data: JsonMapping) -> dict[str, Any]:
        """Return an API object as it is to be applied, without changing the original."""
        kind = GroupKind.of(data)
        moved = {key: self._walk(value, (kind.kind, key)) for key, value in self._moved(data, kind).items()}
        return self._confined(moved) if kind == CLUSTER_NETWORK_POLICY and self.suffix else moved

    def _moved(self, data: JsonMapping, kind: GroupKind) -> JsonMapping:
        if kind != NAMESPACE and is_cluster_scoped(kind):
            return data
        place = self._namespace_object if kind == NAMESPACE else self._namespaced
        return {**data, "metadata": place(data["metadata"])}

    def _confined(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return a ClusterNetworkPolicy that selects the same pods of the scenario, and no others."""
        outside = (EXTERNAL_NAMESPACE, NODE_NAMESPACE)
        own = sorted(real for name, real in self.names.items() if name not in outside)
        requirement = {"key": NAMESPACE_NAME_LABEL, "operator": "In", "values": own}
        metadata = {**data["metadata"], "name": self.policy(data["metadata"]["name"])}
        subject = with_namespace_requirement(data["spec"]["subject"], requirement)
        return {**data, "metadata": metadata, "spec": {**data["spec"], "subject": subject}}

    def _namespace_object(self, metadata: JsonMapping) -> dict[str, Any]:
        real = self.real(metadata["name"])
        if real == metadata["name"] or not metadata.get("labels"):
            return {**metadata, "name": real}
        labels = {key: value for key, value in metadata["labels"].items() if key != NAMESPACE_NAME_LABEL}
        return {**metadata, "name": real, "labels": labels}

    def _namespaced(self, metadata: JsonMapping) -> dict[str, Any]:
        written = metadata.get("namespace")
        real = self.real(written or "default")
        if real == (written or "default"):
            return dict(metadata)
        return {**metadata, "namespace": real}

    def _walk(self, value: Any, path: tuple[str, ...]) -> Any:
        """Return a copy with the rule of each place applied, if there is one. Items have the place of their list."""
        if isinstance(value, list):
            return [self._walk(item, path) for item in value]
        if isinstance(value, Mapping):
            value = {key: self._walk(entry, (*path, str(key))) for key, entry in value.items()}
            return self._by_rule(value, path)
        return self._by_rule(self._text(value, path) if isinstance(value, str) else value, path)

    def _by_rule(self, value: Any, path: tuple[str, ...]) -> Any:
        rule = next((rule for ending, rule in _RULES if path[-len(ending) :] == ending), None)
        return rule(self, value) if rule else value

    def _text(self, text: str, path: tuple[str, ...]) -> str:
        """Return a text with its DNS names mapped. Labels, and the names of objects and images, are no such text."""
        if path[:2] == ("Secret", "data"):
            return self._encoded(text)
        is_name = path[1] == "spec" and path[-1] in _NAMES
        return text if is_name or _NOT_TEXT.intersection(path[1:-1]) else self._dns.mapped(text)

    def _encoded(self, text: str) -> str:
        """Return the base64 of a text with its DNS names mapped; anything else as it is."""
        try:
            plain = b64decode(text, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return text
        mapped = self._dns.mapped(plain)
        return text if mapped == plain else b64encode(mapped.encode()).decode()

    def _labels(self, labels: Any) -> Any:
        if isinstance(labels, dict) and NAMESPACE_NAME_LABEL in labels:
            return {**labels, NAMESPACE_NAME_LABEL: self._name(labels[NAMESPACE_NAME_LABEL])}
        return labels

    def _requirement(self, requirement: Any) -> Any:
        match requirement:
            case {"key": str(key), "values": list(values)} if key == NAMESPACE_NAME_LABEL:
                return {**requirement, "values": [self._name(value) for value in values]}
        return requirement

    def _name(self, value: Any) -> Any:
        return self.real(value) if isinstance(value, str) else value


_RULES: tuple[tuple[tuple[str, ...], Callable[[Placement, Any], Any]], ...] = (
    (("namespaceSelector", "matchLabels"), Placement._labels),
    (("namespaceSelector", "matchExpressions"), Placement._requirement),
    (("namespaces", "matchLabels"), Placement._labels),
    (("namespaces", "matchExpressions"), Placement._requirement),
    (("RoleBinding", "subjects", "namespace"), Placement._name),
    (("ClusterRoleBinding", "subjects", "namespace"), Placement._name),
    (("service", "namespace"), Placement._name),
    (("targetRef", "namespace"), Placement._name),
)
"""The rules for values that name a namespace, by the end of their place: kind, then keys."""


_NOT_TEXT = frozenset({"metadata", "labels", "matchLabels", "matchExpressions", "selector"})
_NAMES = frozenset({"name", "namespace", "image"})
"""The last keys of values that are names of objects or of images."""


def _placed(scenario: Scenario) -> tuple[str, ...]:
    """Return the namespaces that need a name: the scenario's, and that of pods which tests in Python may need too."""
    return (*scenario.namespaces, NODE_NAMESPACE)


def _fitted(name: str, suffix: str, longest: int = _LONGEST) -> str:
    whole = f"{name}-{suffix}"
    if len(whole) <= longest:
        return whole
    digest = sha256(name.encode()).hexdigest()[:8]
    head = name[: longest - len(suffix) - len(digest) - 2].rstrip("-.")
    return f"{head}-{digest}-{suffix}"
