"""Nothing leaves a cluster but what connectivity needs: a text of its own is planted in every field of every object."""

import json
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import netpol_harness.emulator.apiserver as apiserver
from netpol_harness.cli import main

Dict = dict[str, Any]

DEFINITIONS: Mapping[str, Dict] = json.loads((Path(apiserver.__path__[0]) / "schema.json").read_text())["definitions"]
KINDS = {
    "Namespace": ("v1", "io.k8s.api.core.v1.Namespace"),
    "Pod": ("v1", "io.k8s.api.core.v1.Pod"),
    "Service": ("v1", "io.k8s.api.core.v1.Service"),
    "Secret": ("v1", "io.k8s.api.core.v1.Secret"),
    "ConfigMap": ("v1", "io.k8s.api.core.v1.ConfigMap"),
    "ServiceAccount": ("v1", "io.k8s.api.core.v1.ServiceAccount"),
    "EndpointSlice": ("discovery.k8s.io/v1", "io.k8s.api.discovery.v1.EndpointSlice"),
    "NetworkPolicy": ("networking.k8s.io/v1", "io.k8s.api.networking.v1.NetworkPolicy"),
    "ReplicaSet": ("apps/v1", "io.k8s.api.apps.v1.ReplicaSet"),
    "Deployment": ("apps/v1", "io.k8s.api.apps.v1.Deployment"),
    "Job": ("batch/v1", "io.k8s.api.batch.v1.Job"),
}
CANARY = "canary-"
DEEPEST = 12


def planted(schema: Mapping[str, Any], numbers: Iterator[int], depth: int = 0) -> Any:
    """A value of a schema with all of its fields, and a canary in every text and in every key."""
    if reference := schema.get("$ref") or next(
        (part["$ref"] for part in schema.get("allOf", ()) if "$ref" in part), ""
    ):
        schema = DEFINITIONS[reference.rpartition("/")[2]]
    if depth > DEEPEST:
        return None
    if schema.get("type") == "array":
        return [planted(schema.get("items", {}), numbers, depth + 1)]
    if "properties" in schema:
        return {key: planted(part, numbers, depth + 1) for key, part in schema["properties"].items()}
    if "additionalProperties" in schema:
        return {f"{CANARY}{next(numbers)}": planted(schema["additionalProperties"], numbers, depth + 1)}
    return {"integer": 5, "number": 5, "boolean": True}.get(schema.get("type", "string"), f"{CANARY}{next(numbers)}")


def merged(value: Any, over: Any) -> Any:
    """The value with what connectivity needs in place of canaries; ``None`` removes a field.

    A mapping of free keys is replaced as a whole.
    """
    if isinstance(value, dict) and isinstance(over, dict) and not any(key.startswith(CANARY) for key in value):
        both = {**value, **{key: merged(value.get(key), part) for key, part in over.items()}}
        return {key: part for key, part in both.items() if not (key in over and over[key] is None)}
    if isinstance(value, list) and isinstance(over, list) and len(value) == len(over):
        return [merged(one, other) for one, other in zip(value, over, strict=True)]
    return over


def metadata(name: str, **more: Any) -> Dict:
    return {"name": name, "namespace": "shop", "labels": {"app": name}, "deletionTimestamp": None, **more}


CONTAINER: Dict = {"ports": [{"name": "http", "protocol": "TCP", "containerPort": 8080, "hostIP": "", "hostPort": 0}]}
PROBES = {
    f"{name}Probe": {"httpGet": {"port": 9090}, "tcpSocket": None} for name in ("liveness", "readiness", "startup")
}
SPEC: Dict = {
    "containers": [{**CONTAINER, **PROBES}],
    "initContainers": [{"ports": [CONTAINER["ports"][0] | {"name": "side"}], "restartPolicy": "Always", **PROBES}],
    "hostNetwork": False,
    "hostname": "web-0",
    "subdomain": "web",
}
OWNER = {"kind": "ReplicaSet", "name": "web-5d4f", "controller": True}
MEANT: Mapping[str, Dict] = {
    "Namespace": {"metadata": metadata("shop")},
    "Pod": {
        "metadata": metadata("web", ownerReferences=[OWNER]),
        "spec": SPEC,
        "status": {"phase": "Running", "podIPs": [{"ip": "10.0.0.7"}]},
    },
    "Service": {
        "metadata": metadata("web"),
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "10.96.0.9",
            "clusterIPs": None,
            "selector": {"app": "web"},
            "externalTrafficPolicy": None,
            "internalTrafficPolicy": None,
            "sessionAffinity": "None",
            "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080}],
        },
    },
    "EndpointSlice": {
        "metadata": metadata("by-hand", labels={"kubernetes.io/service-name": "web"}),
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["203.0.113.7"], "hostname": ""}],
        "ports": [{"name": "http", "protocol": "TCP", "port": 443}],
    },
    "NetworkPolicy": {
        "metadata": metadata("web"),
        "spec": {
            "podSelector": {"matchLabels": {"app": "web"}, "matchExpressions": None, "later": "canary-later"},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/24", "except": None}, "podSelector": None}]}],
            "egress": None,
            "reason": "canary-reason",
        },
    },
    "ReplicaSet": {"metadata": metadata("web-5d4f", ownerReferences=[{"kind": "Deployment", "name": "web"}])},
}
MEANT["NetworkPolicy"]["spec"]["ingress"][0] |= {"ports": [{"protocol": "TCP", "port": 8080, "endPort": None}]}
MEANT["NetworkPolicy"]["spec"]["ingress"][0]["from"][0] |= {"namespaceSelector": None}
ISTIO = {
    "apiVersion": "security.istio.io/v1",
    "kind": "AuthorizationPolicy",
    "metadata": {"name": "web", "namespace": "shop", "annotations": {"a": "canary-annotation"}},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "rules": [{"when": [{"key": "request.headers[x-token]", "values": ["canary-token"]}]}],
        "provider": {"name": "canary-provider"},
    },
}


def objects() -> list[Dict]:
    numbers = count()
    everything = []
    for kind, (version, definition) in KINDS.items():
        data = planted({"$ref": f"/{definition}"}, numbers) | {"apiVersion": version, "kind": kind}
        everything.append(merged(data, MEANT.get(kind, {"metadata": metadata(f"my-{kind.lower()}")})))
    return [*everything, ISTIO]


@pytest.mark.parametrize("redact", [[], ["--redact"]], ids=["as-it-is", "redacted"])
def test_no_planted_text_is_written(redact: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dump, directory = tmp_path / "dump.json", tmp_path / "captured"
    dump.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects()}))
    assert dump.read_text().count(CANARY) > 1000, "every field has one"
    code = main(["capture", "--from", str(dump), "--out", str(directory), *redact])
    output = capsys.readouterr()
    assert code == 1, "fields of the policies are missing, which is said"
    assert "these fields are not captured: podSelector.later, reason" in output.err
    written = {str(file): file.read_text() for file in directory.rglob("*") if file.is_file()}
    assert len(written) > 2
    for name, text in {**written, "standard output": output.out, "standard error": output.err}.items():
        assert CANARY not in text, name


def test_no_name_of_the_cluster_is_left_after_redaction(tmp_path: Path) -> None:
    dump, directory = tmp_path / "dump.json", tmp_path / "captured"
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects()})
    for word in ("shop", "web", "http", "203.0.113.7"):
        text = text.replace(f'"{word}"', f'"{word.replace("web", "secretive")}"')
    dump.write_text(text.replace('"shop"', '"hidden"').replace('"http"', '"covert"').replace('"app"', '"private"'))
    assert main(["capture", "--from", str(dump), "--out", str(directory), "--redact", "key"]) == 1
    found = [file for file in directory.rglob("*") if file.is_file()]
    written = "".join(f"{file.relative_to(directory)} {file.read_text()}" for file in found)
    for word in ("hidden", "secretive", "covert", "private", "203.0.113.7", "by-hand", "dump.json"):
        assert word not in written, word
