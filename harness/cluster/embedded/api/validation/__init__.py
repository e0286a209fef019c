"""What the real server refuses with 422: one module a kind, pure functions from objects to causes.

Objects here have passed decoding and defaulting: every field present has its type. Wording follows
`pkg/apis/*/validation`.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from harness.cluster.embedded.api.decode import missing_fields
from harness.cluster.embedded.api.errors import Cause
from harness.cluster.embedded.api.resources import Resource
from harness.cluster.embedded.api.validation import config, metadata, networkpolicy, pod, service, workload
from harness.cluster.embedded.store import Object

_Check: TypeAlias = Callable[[Object], list[Cause]]
_Comparison: TypeAlias = Callable[[Object, Object], list[Cause]]

_CHECKS: Mapping[str, _Check] = {
    "configmaps": config.check_data,
    "secrets": config.check_data,
    "deployments": workload.check_deployment,
    "replicasets": workload.check_replica_set,
    "networkpolicies": networkpolicy.check,
    "pods": pod.check,
    "services": service.check,
}
_COMPARISONS: Mapping[str, _Comparison] = {
    "configmaps": config.compare_data,
    "secrets": config.compare_data,
    "deployments": workload.compare,
    "replicasets": workload.compare,
    "pods": pod.compare,
    "services": service.compare,
}


def check(resource: Resource, obj: Object, previous: Object | None) -> list[Cause]:
    """All causes to refuse the object as the successor of `previous` (None: as a new one)."""
    causes = [*metadata.check(resource, obj), *missing_fields(resource.definition, obj)]
    causes += _without_missing(_CHECKS[resource.plural](obj), causes) if resource.plural in _CHECKS else []
    if previous is not None and resource.plural in _COMPARISONS:
        causes += _COMPARISONS[resource.plural](obj, previous)
    return causes


def _without_missing(causes: list[Cause], known: list[Cause]) -> list[Cause]:
    """The causes about fields that are not already reported."""
    reported = {cause.field for cause in known}
    return [cause for cause in causes if cause.field not in reported]
