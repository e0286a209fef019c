"""DeploymentConfigs (apps.openshift.io/v1): one ReplicationController per version of the pod template.

They are rolled out as Deployments are, by any trigger. There is no deployer pod, and no image stream is followed.
Labels and annotations are OpenShift's.
"""

from collections.abc import Callable, Iterator, Sequence

from netpol_harness.emulator.apiserver.admission import admit
from netpol_harness.emulator.controllers.ownership import controller_keys, controls, owner_reference
from netpol_harness.emulator.store import Event, Key, Store
from netpol_harness.model.json_object import JsonMapping, JsonObject
from netpol_harness.wellknown import DEPLOYMENT_CONFIG_LABEL

_RESOURCE, _VERSIONS = "deploymentconfigs", "replicationcontrollers"
_VERSION = "openshift.io/deployment-config.latest-version"


class DeploymentConfigController:
    """Creates and scales ReplicationControllers, and updates each DeploymentConfig's status."""

    resources = (_RESOURCE, _VERSIONS)

    def __init__(self, store: Store, delete: Callable[[Key], object]) -> None:
        self._store = store
        self._delete = delete

    def affected_keys(self, event: Event) -> Iterator[Key]:
        if event.key.resource == _RESOURCE:
            yield event.key
        else:
            yield from controller_keys(event.object, _RESOURCE, "DeploymentConfig")

    def reconcile(self, key: Key) -> None:
        config = self._store.find(key)
        if config is None or "deletionTimestamp" in config["metadata"]:
            return
        versions = self._versions(config)
        is_new = not versions or versions[-1]["spec"]["template"] != _template(config, versions[-1])
        if is_new and not config["spec"].get("paused"):
            versions.append(self._create(config, _number(versions[-1]) + 1 if versions else 1))
        if versions:
            self._roll_out(config, versions)
        versions = self._versions(config)
        self._store.modify(key, lambda copy: {**copy, "status": _status(copy, versions)})

    def _versions(self, config: JsonObject) -> list[JsonObject]:
        candidates = self._store.list(_VERSIONS, config["metadata"]["namespace"])
        return sorted((each for each in candidates if controls(config, each)), key=_number)

    def _create(self, config: JsonObject, number: int) -> JsonObject:
        metadata = config["metadata"]
        name = f"{metadata['name']}-{number}"
        labels = {**(metadata.get("labels") or {}), "openshift.io/deployment-config.name": metadata["name"]}
        version: JsonObject = {
            "metadata": {
                "name": name,
                "namespace": metadata["namespace"],
                "labels": labels,
                "annotations": {_VERSION: str(number), "openshift.io/deployment.phase": "Complete"},
                "ownerReferences": [owner_reference(config)],
            }
        }
        selector = {**config["spec"]["selector"], **_own_labels(config, name)}
        version["spec"] = {"replicas": 0, "selector": selector, "template": _template(config, version)}
        return self._store.create(_VERSIONS, admit(self._store, _VERSIONS, version))

    def _roll_out(self, config: JsonObject, versions: Sequence[JsonObject]) -> None:
        """Scale the newest version up and, when it is available, the others down; Recreate does it the other way."""
        *old, current = versions
        replicas = config["spec"].get("replicas", 1)
        if config["spec"]["strategy"]["type"] == "Recreate":
            for version in old:
                self._scale(version, 0)
            if not any((version.get("status") or {}).get("replicas") for version in old):
                self._scale(current, replicas)
            return
        current = self._scale(current, replicas)
        if (current.get("status") or {}).get("availableReplicas", 0) >= replicas:
            for version in old:
                self._scale(version, 0)

    def _scale(self, version: JsonObject, replicas: int) -> JsonObject:
        if version["spec"]["replicas"] == replicas:
            return version
        changed = {**version, "spec": {**version["spec"], "replicas": replicas}}
        return self._store.update(_VERSIONS, admit(self._store, _VERSIONS, changed, version))


def _own_labels(config: JsonMapping, version: str) -> dict[str, str]:
    return {"deployment": version, DEPLOYMENT_CONFIG_LABEL: config["metadata"]["name"]}


def _template(config: JsonMapping, version: JsonMapping) -> JsonObject:
    """Return the config's pod template as a version of this name has it."""
    template = config["spec"]["template"]
    metadata = template.get("metadata") or {}
    labels = {**(metadata.get("labels") or {}), **_own_labels(config, version["metadata"]["name"])}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _number(version: JsonMapping) -> int:
    return int((version["metadata"].get("annotations") or {}).get(_VERSION, 0))


def _status(config: JsonMapping, versions: Sequence[JsonMapping]) -> JsonObject:
    counts = [version.get("status") or {} for version in versions]
    total, ready = (sum(count.get(field, 0) for count in counts) for field in ("replicas", "readyReplicas"))
    updated = counts[-1].get("replicas", 0) if counts else 0
    is_available = ready >= config["spec"].get("replicas", 1)
    available = {"type": "Available", "status": "True" if is_available else "False"}
    return {
        "latestVersion": _number(versions[-1]) if versions else 0,
        "observedGeneration": config["metadata"]["generation"],
        "replicas": total,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "updatedReplicas": updated,
        "unavailableReplicas": max(0, config["spec"].get("replicas", 1) - ready),
        "conditions": [available],
    }
