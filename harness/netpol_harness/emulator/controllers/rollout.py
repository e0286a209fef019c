"""The status of a Deployment, from its ReplicaSets: ``kubectl rollout status`` and ``kubectl wait`` read it. Pure."""

from collections.abc import Sequence

from netpol_harness.model.json_object import JsonMapping, JsonObject

REVISION = "deployment.kubernetes.io/revision"


def revision(obj: JsonMapping) -> int:
    """Return the number of the rollout that a ReplicaSet belongs to; 0 if none."""
    number = (obj["metadata"].get("annotations") or {}).get(REVISION, "")
    return int(number) if number.isdecimal() else 0


def deployment_status(
    deployment: JsonMapping, replica_sets: Sequence[JsonMapping], current: JsonMapping | None, now: str
) -> JsonObject:
    """Return the whole status. Unchanged conditions keep their times. ``current`` is identified by its uid."""
    replicas = deployment["spec"].get("replicas", 1)
    updated = next((rs for rs in replica_sets if current and rs["metadata"]["uid"] == current["metadata"]["uid"]), None)
    total, available = _sum(replica_sets, "replicas"), _sum(replica_sets, "availableReplicas")
    updated_replicas = _sum([updated] if updated else [], "replicas")
    counts = {
        "replicas": total,
        "updatedReplicas": updated_replicas,
        "readyReplicas": _sum(replica_sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, max(total, replicas) - available),
    }
    complete = updated_replicas == total == available == replicas
    is_available = available >= replicas - _max_unavailable(deployment, replicas)
    conditions = [_available(holds=is_available), _progressing(updated, complete=complete)]
    return {
        "observedGeneration": deployment["metadata"]["generation"],
        **{name: count for name, count in counts.items() if count},
        "conditions": _with_times(deployment, conditions, now),
    }


def _sum(replica_sets: Sequence[JsonMapping], field: str) -> int:
    return sum((rs.get("status") or {}).get(field, 0) for rs in replica_sets)


def _max_unavailable(deployment: JsonMapping, replicas: int) -> int:
    """Return maxUnavailable as a number of pods; percentages are rounded down."""
    limit = deployment["spec"]["strategy"].get("rollingUpdate", {}).get("maxUnavailable", 0)
    if isinstance(limit, str):
        return replicas * int(limit.removesuffix("%")) // 100
    return int(limit)


def _available(*, holds: bool) -> JsonObject:
    if holds:
        reason, message = "MinimumReplicasAvailable", "Deployment has minimum availability."
    else:
        reason, message = "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
    return {"type": "Available", "status": "True" if holds else "False", "reason": reason, "message": message}


def _progressing(updated: JsonMapping | None, *, complete: bool) -> JsonObject:
    name = updated["metadata"]["name"] if updated else ""
    if complete:
        reason, message = "NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.'
    else:
        reason, message = "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.'
    return {"type": "Progressing", "status": "True", "reason": reason, "message": message}


def _with_times(deployment: JsonMapping, conditions: Sequence[JsonObject], now: str) -> list[JsonObject]:
    before = {c["type"]: c for c in (deployment.get("status") or {}).get("conditions") or ()}
    return [_with_time(condition, before.get(condition["type"]), now) for condition in conditions]


def _with_time(condition: JsonObject, before: JsonMapping | None, now: str) -> JsonObject:
    """Update lastUpdateTime with any change of the condition, and lastTransitionTime with its status only."""
    if before and all(before.get(name) == value for name, value in condition.items()):
        return dict(before)
    same_status = before is not None and before["status"] == condition["status"]
    return {
        **condition,
        "lastUpdateTime": now,
        "lastTransitionTime": before["lastTransitionTime"] if before and same_status else now,
    }
