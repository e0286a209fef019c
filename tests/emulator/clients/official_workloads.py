"""The official client on Jobs, StatefulSets and custom kinds: `python official_workloads.py KUBECONFIG`."""

import sys
from typing import Any

from kubernetes import client, config, watch

SPACE = "official-workloads"
GROUP, PLURAL = "clients.example.com", "gizmos"


def main() -> None:
    config.load_kube_config(sys.argv[1])
    core: Any = client.CoreV1Api()
    core.create_namespace({"metadata": {"name": SPACE}})
    run_job()
    run_stateful_set()
    use_custom_kind()
    core.delete_namespace(SPACE)


def run_job() -> None:
    batch: Any = client.BatchV1Api()
    container = {"name": "c", "image": "busybox", "command": ["sh", "-c", "exit 0"]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    batch.create_namespaced_job(SPACE, {"metadata": {"name": "once"}, "spec": {"template": template}})
    await_state(batch.list_namespaced_job, lambda job: any(c.type == "Complete" for c in job.status.conditions or ()))
    job = batch.read_namespaced_job("once", SPACE)
    assert (job.status.succeeded, job.spec.backoff_limit) == (1, 6)
    batch.delete_namespaced_job("once", SPACE, propagation_policy="Foreground")


def run_stateful_set() -> None:
    apps: Any = client.AppsV1Api()
    labels = {"app": "db"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "postgres"}]}}
    spec = {"replicas": 2, "serviceName": "db", "selector": {"matchLabels": labels}, "template": template}
    apps.create_namespaced_stateful_set(SPACE, {"metadata": {"name": "db"}, "spec": spec})
    await_state(apps.list_namespaced_stateful_set, lambda each: each.status.ready_replicas == 2)
    scaled = apps.patch_namespaced_stateful_set_scale("db", SPACE, {"spec": {"replicas": 1}})
    assert scaled.spec.replicas == 1
    assert apps.list_namespaced_controller_revision(SPACE).items[0].revision == 1


def use_custom_kind() -> None:
    extensions: Any = client.ApiextensionsV1Api()
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": PLURAL, "kind": "Gizmo"}
    spec = {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]}
    definition = {"metadata": {"name": f"{PLURAL}.{GROUP}"}, "spec": spec}
    extensions.create_custom_resource_definition(definition)
    objects: Any = client.CustomObjectsApi()
    place = (GROUP, "v1", SPACE, PLURAL)
    gizmo = {"apiVersion": f"{GROUP}/v1", "kind": "Gizmo", "metadata": {"name": "a"}, "spec": {"size": 1}}
    objects.create_namespaced_custom_object(*place, gizmo)
    patched = objects.patch_namespaced_custom_object(*place, "a", {"spec": {"size": 2}})
    assert (patched["spec"]["size"], patched["metadata"]["generation"]) == (2, 2)
    assert [each["metadata"]["name"] for each in objects.list_namespaced_custom_object(*place)["items"]] == ["a"]
    extensions.delete_custom_resource_definition(f"{PLURAL}.{GROUP}")


def await_state(listing: Any, reached: Any) -> None:
    """Wait until an object of a list is in a state, by a watch."""
    watcher = watch.Watch()
    for event in watcher.stream(listing, SPACE, timeout_seconds=20):
        if reached(event["object"]):
            watcher.stop()
            return
    raise AssertionError(f"{listing.__name__}: the state was not reached")


main()
