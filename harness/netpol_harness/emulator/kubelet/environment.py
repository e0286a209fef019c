"""The environment of a container's processes, as the kubelet makes it (core/v1 EnvVar, EnvFromSource). Pure.

A ConfigMap or Secret that does not exist adds nothing, optional or not: manifests often leave Secrets to somebody else.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netpol_harness.emulator.kubelet import podspec
from netpol_harness.emulator.kubelet.images import expand_references
from netpol_harness.emulator.pod import SEARCH_PATH
from netpol_harness.model.addresses import socket_text
from netpol_harness.model.json_object import JsonMapping

Texts = Mapping[str, str]
Lookup = Callable[[str], Texts]


def _nothing(name: str) -> Texts:
    return {}


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a pod's environment may refer to.

    ``config_map`` and ``secret`` return the texts of an object of the pod's namespace by key; none if there is no
    object of the name. ``services`` are those that the pod is told of.
    """

    config_map: Lookup = _nothing
    secret: Lookup = _nothing
    services: Sequence[JsonMapping] = ()


def environment(
    pod: JsonMapping, container: Mapping[str, Any], configuration: Configuration, path: str = SEARCH_PATH
) -> dict[str, str]:
    """Return the whole environment of a process: PATH, HOME, HOSTNAME, Services, and what the container defines."""
    found = {"PATH": path, "HOME": "/tmp", "HOSTNAME": podspec.hostname(pod)}
    for service in configuration.services:
        found |= dict(_service_variables(service))
    for source in container.get("envFrom") or ():
        texts = dict(_texts(source.get("configMapRef"), configuration.config_map))
        texts |= _texts(source.get("secretRef"), configuration.secret)
        found |= {f"{source.get('prefix') or ''}{key}": text for key, text in texts.items()}
    for entry in container.get("env") or ():
        value = _value(pod, entry, configuration, found)
        if value is not None:
            found[entry["name"]] = value
    return found


def _texts(reference: Mapping[str, Any] | None, find: Lookup) -> Texts:
    return find(reference.get("name", "")) if reference else {}


def _value(pod: JsonMapping, entry: Mapping[str, Any], configuration: Configuration, before: Texts) -> str | None:
    """Return the value of a variable; ``None`` if it refers to something that does not exist."""
    match entry.get("valueFrom") or {}:
        case {"fieldRef": reference}:
            return _field(pod, reference["fieldPath"])
        case {"configMapKeyRef": reference}:
            return _texts(reference, configuration.config_map).get(reference["key"])
        case {"secretKeyRef": reference}:
            return _texts(reference, configuration.secret).get(reference["key"])
        case {"resourceFieldRef": _}:
            return ""
        case _:
            return expand_references((str(entry.get("value") or ""),), before)[0]


def _field(pod: JsonMapping, path: str) -> str:
    """Return a field such as ``metadata.name``, or one label or annotation, as in ``metadata.labels['app']``."""
    value: Any = pod
    for step in _STEP.findall(path):
        value = (value or {}).get(step.strip("'[]\""))
    if path in ("status.podIPs", "status.hostIPs"):
        return ",".join(entry["ip"] for entry in value or ())
    return "" if value is None else str(value)


def _service_variables(service: JsonMapping) -> Iterator[tuple[str, str]]:
    """Yield the variables of a Service (kubernetes.io/docs/concepts/services-networking/service, "Environment
    variables"); none if it has no ClusterIP.
    """
    spec, prefix = service["spec"], service["metadata"]["name"].upper().replace("-", "_")
    address, ports = spec.get("clusterIP"), spec.get("ports") or ()
    if not address or address == "None" or not ports:
        return
    yield f"{prefix}_SERVICE_HOST", address
    yield f"{prefix}_SERVICE_PORT", str(ports[0]["port"])
    for port in ports:
        if port.get("name"):
            yield f"{prefix}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}", str(port["port"])
        protocol, number = port.get("protocol") or "TCP", port["port"]
        url, own = f"{protocol.lower()}://{socket_text(address, number)}", f"{prefix}_PORT_{number}_{protocol}"
        if port is ports[0]:
            yield f"{prefix}_PORT", url
        yield from (
            (own, url),
            (f"{own}_PROTO", protocol.lower()),
            (f"{own}_PORT", str(number)),
            (f"{own}_ADDR", address),
        )


_STEP = re.compile(r"\[['\"][^'\"]*['\"]\]|[^.\[\]]+")
