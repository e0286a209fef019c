"""The valid requests, as clients send them, that mutations start from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_JSON = "application/json"
_PODS = "/api/v1/namespaces/default/pods"
_MAPS = "/api/v1/namespaces/default/configmaps"
_POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
_DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
_TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
_POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p"},
    "spec": {"containers": [{"name": "c", "image": "x"}]},
}
_POLICY = {
    "metadata": {"name": "np"},
    "spec": {
        "podSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}], "ports": [{"port": 80}]}
        ],
        "egress": [{"to": [{"namespaceSelector": {"matchLabels": {"a": "b"}}}], "ports": [{"port": 1, "endPort": 9}]}],
    },
}
_SERVICE = {"metadata": {"name": "s"}, "spec": {"selector": {"a": "b"}, "ports": [{"port": 80, "targetPort": "http"}]}}
_DEPLOYMENT = {
    "metadata": {"name": "d"},
    "spec": {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": _TEMPLATE},
}
_CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "labels": {"a": "b"}}, "data": {"a": "1"}}
_OWNED = {
    "manager": "x",
    "operation": "Update",
    "apiVersion": "v1",
    "time": "2026-01-01T00:00:00Z",
    "fieldsType": "FieldsV1",
    "fieldsV1": {"f:data": {".": {}, "f:a": {}}, "f:metadata": {"f:labels": {"f:a": {}}}},
}
_NAMESPACE_IN_PROTOBUF = b'k8s\0\n\x0f\n\x02v1\x12\tNamespace\x12\x0f\n\r\n\x04demo\x12\0\x1a\0"\0*\0'
_SOCKET = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": "v5.channel.k8s.io,v4.channel.k8s.io",
}
_REVIEW = {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}


@dataclass(frozen=True, slots=True)
class Request:
    """A request before serialization: ``body`` is a JSON value, or bytes that are sent unchanged."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        """Return the bytes of the body."""
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()

    def to_bytes(self, token: str) -> bytes:
        """Return the request as HTTP/1.1."""
        content = self.content()
        headers = {"Host": "127.0.0.1", "Authorization": f"Bearer {token}", "User-Agent": "fuzz/1", **self.headers}
        if content:
            headers = {"Content-Type": _JSON, "Content-Length": str(len(content)), **headers}
        head = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*head, "", ""]).encode("utf-8", "surrogatepass") + content


def _of_type(media_type: str) -> dict[str, str]:
    return {"Content-Type": media_type}


_PATCHES = (
    Request("PATCH", f"{_MAPS}/c", {"metadata": {"labels": {"x": None}}}, _of_type("application/merge-patch+json")),
    Request(
        "PATCH",
        f"{_MAPS}/c",
        [{"op": "add", "path": "/data/b", "value": "2"}, {"op": "move", "from": "/data/b", "path": "/data/c"}],
        _of_type("application/json-patch+json"),
    ),
    Request(
        "PATCH",
        f"{_DEPLOYMENTS}/d?dryRun=All",
        {
            "spec": {
                "template": {"spec": {"$setElementOrder/containers": [{"name": "c"}], "containers": [{"name": "c"}]}}
            }
        },
        _of_type("application/strategic-merge-patch+json"),
    ),
    Request("PATCH", f"{_MAPS}/c?fieldManager=x&force=true", _CONFIG, _of_type("application/apply-patch+yaml")),
    Request(
        "PATCH",
        f"{_DEPLOYMENTS}/d?fieldManager=y&dryRun=All",
        {"apiVersion": "apps/v1", "kind": "Deployment", **_DEPLOYMENT},
        _of_type("application/apply-patch+yaml"),
    ),
    Request(
        "PATCH",
        f"{_MAPS}/y?fieldManager=x",
        b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y}\ndata: {a: '1'}\n",
        _of_type("application/apply-patch+yaml"),
    ),
    Request(
        "PATCH",
        f"{_DEPLOYMENTS}/d/scale?dryRun=All",
        {"spec": {"replicas": 2}},
        _of_type("application/merge-patch+json"),
    ),
)
_WRITES = (
    Request("POST", _PODS, _POD),
    Request("POST", _MAPS, _CONFIG),
    Request("PUT", f"{_MAPS}/c?fieldManager=x", {**_CONFIG, "metadata": {"name": "c", "managedFields": [_OWNED]}}),
    Request("POST", f"{_POLICIES}?fieldValidation=Strict", _POLICY),
    Request("PUT", f"{_POLICIES}/np", _POLICY),
    Request("POST", "/api/v1/namespaces/default/services", _SERVICE),
    Request("POST", f"{_DEPLOYMENTS}?dryRun=All", _DEPLOYMENT),
    Request("POST", "/api/v1/namespaces", {"metadata": {"name": "demo"}}),
    Request("POST", "/api/v1/namespaces", _NAMESPACE_IN_PROTOBUF, _of_type("application/vnd.kubernetes.protobuf")),
    Request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", _REVIEW),
    Request("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {"spec": {"namespace": "default"}}),
    Request("PUT", f"{_PODS}/p/status", {**_POD, "status": {"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}]}}),
    Request("DELETE", f"{_MAPS}/c", {"propagationPolicy": "Background", "preconditions": {"uid": "x"}}),
    Request("DELETE", f"{_PODS}/p?gracePeriodSeconds=0", {"gracePeriodSeconds": 0}),
    Request("DELETE", "/api/v1/namespaces/demo"),
    Request("DELETE", f"{_POLICIES}?labelSelector=a%3Db"),
)
_READS = (
    Request("GET", "/livez?verbose"),
    Request("GET", "/version"),
    Request("GET", "/apis", headers={"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}),
    Request("GET", "/apis/apps/v1"),
    Request("GET", "/openapi/v3/apis/networking.k8s.io/v1?hash=0"),
    Request("GET", f"{_PODS}?labelSelector=a+in+(b,c),!d&fieldSelector=status.phase%3DRunning&limit=500"),
    Request(
        "GET", "/api/v1/pods?resourceVersion=0", headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    ),
    Request("GET", f"{_MAPS}/c"),
    Request("GET", f"{_MAPS}?watch=true&timeoutSeconds=1&resourceVersion=1&allowWatchBookmarks=true"),
    Request("GET", f"{_MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1"),
    Request("GET", f"{_PODS}/p/log?container=c&tailLines=5&limitBytes=9&previous=false"),
    Request("GET", f"{_PODS}/p/exec?command=echo&command=x&stdout=true&stderr=1", headers=_SOCKET),
    Request("GET", f"{_PODS}/p/attach?stdin=true&stdout=true&tty=false", headers=_SOCKET),
    Request("GET", f"{_PODS}/p/portforward?ports=80,81", headers=_SOCKET),
    Request("GET", f"{_DEPLOYMENTS}/d/scale"),
    Request("GET", "/{token}/api/v1/namespaces"),
    Request("GET", f"{_PODS}?token={{token}}", headers={"Authorization": "Basic {token}"}),
)
CORPUS = (*_WRITES, *_PATCHES, *_READS)
