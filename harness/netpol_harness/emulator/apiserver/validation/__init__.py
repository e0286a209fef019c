"""What the real server refuses with 422: one module per kind, with pure functions from objects to causes.

The objects have been decoded and defaulted, so every field has its type. The wording follows ``pkg/apis/*/validation``.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from netpol_harness.emulator.apiserver.custom import cluster_network_policy
from netpol_harness.emulator.apiserver.decode import missing_fields, missing_in
from netpol_harness.emulator.apiserver.errors import Cause
from netpol_harness.emulator.apiserver.resources import ServedResource
from netpol_harness.emulator.apiserver.validation import (
    batch,
    clusterpolicy,
    config,
    definition,
    endpoints,
    ephemeral,
    metadata,
    networkpolicy,
    pod,
    service,
    workload,
)
from netpol_harness.model.json_object import JsonObject

_Check: TypeAlias = Callable[[JsonObject], list[Cause]]
_Comparison: TypeAlias = Callable[[JsonObject, JsonObject], list[Cause]]

_CHECKS: Mapping[str, _Check] = {
    "configmaps": config.check_data,
    "secrets": config.check_data,
    "cronjobs": batch.check_cron_job,
    "customresourcedefinitions": definition.check,
    "daemonsets": workload.check_daemon_set,
    "deploymentconfigs": workload.check_replication_controller,
    "deployments": workload.check_deployment,
    "endpoints": endpoints.check_endpoints,
    "endpointslices": endpoints.check_slice,
    "jobs": batch.check_job,
    "replicasets": workload.check_replica_set,
    "replicationcontrollers": workload.check_replication_controller,
    "statefulsets": workload.check_stateful_set,
    "networkpolicies": networkpolicy.check,
    "pods": pod.check,
    "services": service.check,
}
_FIRST_CHECKS: Mapping[str, _Check] = {"pods": ephemeral.check_new}
_COMPARISONS: Mapping[str, _Comparison] = {
    "configmaps": config.compare_data,
    "secrets": config.compare_data,
    "customresourcedefinitions": definition.compare,
    "daemonsets": workload.compare,
    "deployments": workload.compare,
    "endpointslices": endpoints.compare_slices,
    "jobs": batch.compare_job,
    "replicasets": workload.compare,
    "statefulsets": workload.compare_stateful_set,
    "pods": pod.compare,
    "pods/ephemeralcontainers": ephemeral.compare,
    "services": service.compare,
}


def check(resource: ServedResource, obj: JsonObject, previous: JsonObject | None, subresource: str = "") -> list[Cause]:
    """Return all causes to refuse the object as the successor of ``previous`` (None: as a new one), via
    ``subresource``.
    """
    if resource.custom:
        causes = [*metadata.check(resource, obj), *resource.custom.causes(obj)]
        return causes or (clusterpolicy.check_readable(obj) if resource.storage == cluster_network_policy.NAME else [])
    causes = [*metadata.check(resource, obj), *missing_fields(resource.definition, obj)]
    causes += _without_missing(_CHECKS[resource.plural](obj), causes) if resource.plural in _CHECKS else []
    if previous is None:
        return causes + (_FIRST_CHECKS[resource.plural](obj) if resource.plural in _FIRST_CHECKS else [])
    path = f"{resource.plural}/{subresource}" if subresource else resource.plural
    return causes + (_COMPARISONS[path](obj, previous) if path in _COMPARISONS else [])


def check_part(resource: ServedResource, obj: JsonObject, part: str) -> list[Cause]:
    """Return all causes to refuse the part of an object that its subresource has written."""
    if resource.custom:
        return resource.custom.causes(obj)
    causes = missing_in(resource.definition, obj, part)
    return causes + (
        pod.check_status(obj[part]) if (resource.plural, part) == ("pods", "status") and not causes else []
    )


def _without_missing(causes: list[Cause], known: list[Cause]) -> list[Cause]:
    """Return the causes about fields that are not reported yet."""
    reported = {cause.field for cause in known}
    return [cause for cause in causes if cause.field not in reported]
