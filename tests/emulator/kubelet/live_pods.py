"""Pods of a real embedded cluster, and requests between them."""

import subprocess
from typing import Any


def pod(name: str, *, annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "x", "ports": spec.pop("ports", [{"containerPort": 80}])}
    container.update(spec.pop("container", {}))
    metadata = {"name": name, "labels": {"app": name}, "annotations": annotations or {}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container], **spec}}


def curl(kubectl: Any, source: str, target: str) -> subprocess.CompletedProcess[str]:
    done: subprocess.CompletedProcess[str] = kubectl("exec", source, "--", "curl", "-sS", "-m", "2", target)
    return done


def shell(name: str, script: str, **spec: Any) -> dict[str, Any]:
    return pod(name, container={"image": "agnhost", "command": ["sh", "-c", script], "ports": []}, **spec)
