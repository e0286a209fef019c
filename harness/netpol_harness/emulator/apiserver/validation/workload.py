"""The kinds that make pods (apps/v1, core/v1, OpenShift's): the selector, the template, and that they match."""

from collections.abc import Mapping, Sequence
from typing import Any

from netpol_harness.emulator.apiserver.errors import Cause, forbidden, invalid, not_supported, required
from netpol_harness.emulator.apiserver.resources import without
from netpol_harness.emulator.apiserver.validation.metadata import check_labels, check_selector
from netpol_harness.emulator.apiserver.validation.pod import check_spec
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.labels import LabelSelector

_STRATEGIES = ("Recreate", "RollingUpdate")
_UPDATES = ("OnDelete", "RollingUpdate")
_ORDERS = ("OrderedReady", "Parallel")
_TEMPLATE = "spec.template"
_CHANGEABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_CHANGE_REFUSED = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)


def check_deployment(deployment: JsonObject) -> list[Cause]:
    """Return causes to refuse the Deployment."""
    spec = deployment.get("spec", {})
    causes = _check_word(spec.get("strategy", {}).get("type"), "spec.strategy.type", _STRATEGIES)
    return causes + _check(spec, "deployment", ("replicas", "minReadySeconds", "revisionHistoryLimit"))


def check_replica_set(replica_set: JsonObject) -> list[Cause]:
    """Return causes to refuse the ReplicaSet."""
    return _check(replica_set.get("spec", {}), "replicaset", ("replicas", "minReadySeconds"))


def check_stateful_set(stateful_set: JsonObject) -> list[Cause]:
    """Return causes to refuse the StatefulSet."""
    spec = stateful_set.get("spec", {})
    causes = _check_word(spec.get("podManagementPolicy"), "spec.podManagementPolicy", _ORDERS)
    causes += _check_word(spec.get("updateStrategy", {}).get("type"), "spec.updateStrategy.type", _UPDATES)
    counts = ("replicas", "minReadySeconds", "revisionHistoryLimit")
    return causes + _check({**spec, "template": _with_claims(spec)}, "statefulset", counts)


def check_daemon_set(daemon_set: JsonObject) -> list[Cause]:
    """Return causes to refuse the DaemonSet."""
    spec = daemon_set.get("spec", {})
    causes = _check_word(spec.get("updateStrategy", {}).get("type"), "spec.updateStrategy.type", _UPDATES)
    return causes + _check(spec, "daemonset", ("minReadySeconds", "revisionHistoryLimit"))


def check_replication_controller(controller: JsonObject) -> list[Cause]:
    """Return causes to refuse the ReplicationController or the DeploymentConfig: they select by equal labels."""
    spec = controller.get("spec", {})
    causes = _check_counts(spec, ("replicas", "minReadySeconds"))
    selector = spec.get("selector", {})
    if not selector:
        causes.append(required("spec.selector"))
    causes += check_labels(selector, "spec.selector")
    if "template" not in spec:
        return [*causes, required(_TEMPLATE)]
    return causes + _check_template(spec["template"], {"matchLabels": selector})


def compare(workload: JsonObject, previous: JsonObject) -> list[Cause]:
    """Return causes to refuse the change: the selector is immutable."""
    selector = workload.get("spec", {}).get("selector", {})
    same = selector == previous.get("spec", {}).get("selector", {})
    return [] if same else [invalid("spec.selector", selector, "field is immutable")]


def compare_stateful_set(stateful_set: JsonObject, previous: JsonObject) -> list[Cause]:
    """Return causes to refuse the change: only a few fields may change."""
    fixed, before = (without(obj.get("spec", {}), *_CHANGEABLE) for obj in (stateful_set, previous))
    return [] if fixed == before else [forbidden("spec", _CHANGE_REFUSED)]


def check_pod_template(template: Mapping[str, Any], path: str) -> list[Cause]:
    """Return causes to refuse a template of pods at ``path``, apart from its restartPolicy."""
    labels = template.get("metadata", {}).get("labels", {})
    return check_labels(labels, f"{path}.metadata.labels") + check_spec(template.get("spec", {}), f"{path}.spec")


def _with_claims(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the template with the volumes that the set's claims become in each pod."""
    template = spec.get("template", {})
    claims = {claim.get("metadata", {}).get("name", "") for claim in spec.get("volumeClaimTemplates", ())}
    volumes = [v for v in template.get("spec", {}).get("volumes", ()) if v.get("name") not in claims]
    volumes += [{"name": name} for name in sorted(claims)]
    return {**template, "spec": {**template.get("spec", {}), "volumes": volumes}}


def _check(spec: Mapping[str, Any], word: str, counts: Sequence[str]) -> list[Cause]:
    causes = _check_counts(spec, counts)
    selector = spec.get("selector", {})
    if "selector" not in spec:
        causes.append(required("spec.selector"))
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        causes.append(invalid("spec.selector", selector, f"empty selector is invalid for {word}"))
    causes += check_selector(selector, "spec.selector")
    return causes + _check_template(spec.get("template", {}), selector)


def _check_counts(spec: Mapping[str, Any], counts: Sequence[str]) -> list[Cause]:
    return [
        invalid(f"spec.{field}", spec[field], "must be greater than or equal to 0")
        for field in counts
        if spec.get(field, 0) < 0
    ]


def _check_word(word: str | None, path: str, words: Sequence[str]) -> list[Cause]:
    return [] if word is None or word in words else [not_supported(path, word, words)]


def _check_template(template: Mapping[str, Any], selector: Mapping[str, Any]) -> list[Cause]:
    labels = template.get("metadata", {}).get("labels", {})
    causes = []
    if not _unreadable(selector) and not LabelSelector.parse(selector).matches(labels):
        words = "`selector` does not match template `labels`"
        causes.append(invalid(f"{_TEMPLATE}.metadata.labels", labels, words))
    policy = template.get("spec", {}).get("restartPolicy", "Always")
    if policy != "Always":
        causes.append(not_supported(f"{_TEMPLATE}.spec.restartPolicy", policy, ("Always",)))
    return causes + check_pod_template(template, _TEMPLATE)


def _unreadable(selector: Mapping[str, Any]) -> bool:
    return bool(check_selector(selector, ""))
