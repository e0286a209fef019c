"""The identity of a Job's pods: the labels that tell them from those of all other Jobs (batch/v1 ``manualSelector``).

Implements ``pkg/registry/batch/job/strategy.go``: the server writes the labels into the template and selects them.
"""

from netpol_harness.model.json_object import JsonObject

_UID, _NAME = "controller-uid", "job-name"
_PREFIX = "batch.kubernetes.io/"


def assign(job: JsonObject, uid: str) -> None:
    """Give a new Job this uid, and the selector and labels that follow from it, in place."""
    metadata, spec = job["metadata"], job.setdefault("spec", {})
    metadata["uid"] = uid
    if spec.get("manualSelector"):
        return
    name = metadata.get("name", "")
    labels = {_UID: uid, f"{_PREFIX}{_UID}": uid, _NAME: name, f"{_PREFIX}{_NAME}": name}
    template = spec.setdefault("template", {}).setdefault("metadata", {})
    template["labels"] = {**template.get("labels", {}), **labels}
    spec["selector"] = {"matchLabels": {f"{_PREFIX}{_UID}": uid}}
