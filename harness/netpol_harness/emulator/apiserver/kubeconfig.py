"""The kubeconfig that opens the API to every client."""

from netpol_harness.model.json_object import JsonObject

_NAME = "embedded"


def server_url(port: int, token: str) -> str:
    """Where the API is; the token is part of it for the clients that send no credentials over plain HTTP
    (kubectl).
    """
    return f"http://127.0.0.1:{port}/{token}"


def kubeconfig(port: int, token: str, *, name: str = _NAME) -> JsonObject:
    """A `v1.Config` with one context. It holds the token: write it to a file that only its owner can read."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server_url(port, token)}}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "default"}}],
        "current-context": name,
    }
