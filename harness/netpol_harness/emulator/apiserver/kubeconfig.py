"""The kubeconfig of the cluster, for every client."""

from netpol_harness.model.json_object import JsonObject

_NAME = "embedded"


def server_url(port: int, token: str) -> str:
    """Return the API's URL. It includes the token for clients that send no credentials over plain HTTP (kubectl)."""
    return f"http://127.0.0.1:{port}/{token}"


def kubeconfig(port: int, token: str, *, name: str = _NAME) -> JsonObject:
    """Return a ``v1.Config`` with one context. It contains the token: write it to a file that only its
    owner can read.
    """
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server_url(port, token)}}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "default"}}],
        "current-context": name,
    }
