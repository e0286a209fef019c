"""The notes of a capture: what was reduced, and where clients outside do not reach it."""

import yaml

from netpol_harness.model.json_object import JsonObject
from netpol_harness.reproduce.capture.capture import Capture, capture
from netpol_harness.reproduce.capture.dump import read_dump
from netpol_harness.reproduce.capture.redact import redacted


def service(name: str, namespace: str = "shop", **spec: object) -> JsonObject:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": {"app": "web"}, **spec}}


def captured(*services: JsonObject, **metadata: object) -> Capture:
    labels = {"app": "web"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "shop", "labels": labels, **metadata},
        "spec": {"containers": [{"name": "main", "image": "nginx", "ports": [{"containerPort": 80}]}]},
        "status": {"phase": "Running", "podIP": "10.0.0.9", "podIPs": [{"ip": "10.0.0.9"}]},
    }
    return capture(read_dump(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [pod, *services]}), "dump"))


def test_node_ports_and_external_ips_that_the_capture_lacks_are_named() -> None:
    ports = [{"name": "b", "port": 443, "nodePort": 30443}, {"name": "a", "port": 80, "nodePort": 30080}]
    found = captured(
        service("front", type="NodePort", ports=ports, externalIPs=["192.0.2.7", "192.0.2.8"]),
        service("inside", ports=[{"port": 80}]),
        service("elsewhere", "kube-system", type="NodePort", ports=[{"port": 80, "nodePort": 30999}]),
    )
    assert found.notes[1:] == (
        "Service shop/front: it gets other node ports than 30080, 30443",
        "Service shop/front: its external IPs are not captured: 192.0.2.7, 192.0.2.8",
    )


def test_a_redacted_capture_does_not_name_them() -> None:
    found = captured(service("front", type="NodePort", ports=[{"port": 80, "nodePort": 30080}]))
    assert len(redacted(found, b"key").notes) == 1


def test_a_job_has_the_restart_policy_that_the_api_requires() -> None:
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "topics", "uid": "1", "controller": True}
    (job,) = (data for data in captured(ownerReferences=[owner]).objects["shop"] if data["kind"] == "Job")
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
