"""Ephemeral containers of pods (v1, KEP-277): what they may be, and that they are only ever added."""

from collections.abc import Mapping
from typing import Any

from netpol_harness.emulator.apiserver import syntax
from netpol_harness.emulator.apiserver.errors import Cause, duplicate, forbidden, invalid, not_found, required
from netpol_harness.model.json_object import JsonObject

_FORBIDDEN = ("ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resources", "resizePolicy")
_STATIC = "kubernetes.io/config.mirror"


def check_new(pod: JsonObject) -> list[Cause]:
    """Return causes to refuse a new pod: it cannot have ephemeral containers yet."""
    containers = pod.get("spec", {}).get("ephemeralContainers")
    return [forbidden("spec.ephemeralContainers", "cannot be set on create")] if containers else []


def check(spec: Mapping[str, Any], path: str) -> list[Cause]:
    """Return causes to refuse the ephemeral containers of a PodSpec, at ``path``."""
    container_names = {part.get("name", "") for part in spec.get("containers", ())}
    names = container_names | {part.get("name", "") for part in spec.get("initContainers", ())}
    causes: list[Cause] = []
    for i, container in enumerate(spec.get("ephemeralContainers", ())):
        where, name = f"{path}[{i}]", container.get("name", "")
        causes += _check_container(container, where)
        causes += [duplicate(f"{where}.name", name)] if name in names else []
        names.add(name)
        target = container.get("targetContainerName", "")
        causes += (
            [not_found(f"{where}.targetContainerName", target)] if target and target not in container_names else []
        )
    return causes


def compare(pod: JsonObject, previous: JsonObject) -> list[Cause]:
    """Return causes to refuse a change of a pod via its subresource: existing containers stay as they are."""
    if _STATIC in (previous["metadata"].get("annotations") or {}):
        return [forbidden("", "static pods do not support ephemeral containers")]
    now = {container["name"]: container for container in pod["spec"].get("ephemeralContainers", ())}
    causes = []
    for container in previous["spec"].get("ephemeralContainers", ()):
        name = container["name"]
        if now.get(name) != container:
            verb = "changed" if name in now else "removed"
            why = f'existing ephemeral containers "{name}" may not be {verb}\n'
            causes.append(forbidden("spec.ephemeralContainers", why))
    return causes


def _check_container(container: Mapping[str, Any], path: str) -> list[Cause]:
    name = container.get("name", "")
    causes = [invalid(f"{path}.name", name, words) for words in syntax.dns_label(name)] if name else []
    causes += [required(f"{path}.{field}") for field in ("name", "image") if not container.get(field)]
    causes += [
        forbidden(f"{path}.{field}", "cannot be set for an Ephemeral Container")
        for field in _FORBIDDEN
        if container.get(field)
    ]
    return causes
