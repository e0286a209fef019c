"""Pods and pod templates (v1), as far as they have a meaning in this cluster."""

from collections.abc import Iterator, Mapping
from typing import Any

from netpol_harness.emulator.apiserver import syntax
from netpol_harness.emulator.apiserver.errors import (
    Cause,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
)
from netpol_harness.emulator.apiserver.resources import without
from netpol_harness.emulator.apiserver.validation import ephemeral
from netpol_harness.emulator.apiserver.validation.metadata import check_labels
from netpol_harness.emulator.apiserver.validation.networkpolicy import PROTOCOLS
from netpol_harness.model.json_object import JsonObject

_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_CHANGEABLE = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds")
_CHANGE_REFUSED = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def check(pod: JsonObject) -> list[Cause]:
    """Return causes to refuse the pod."""
    return check_spec(pod.get("spec", {}), "spec")


def check_status(status: Mapping[str, Any]) -> list[Cause]:
    """Return causes to refuse a status, because the data plane reads addresses from it."""
    return [
        invalid(f"status.podIPs[{i}].ip", entry["ip"], words)
        for i, entry in enumerate(status.get("podIPs", ()))
        for words in syntax.address(entry["ip"])
    ]


def compare(pod: JsonObject, previous: JsonObject) -> list[Cause]:
    """Return causes to refuse the change: a pod's spec is fixed, except its images and a few fields."""
    bound = previous["spec"].get("nodeName")
    fixed, before = _fixed(pod.get("spec", {})), _fixed(previous["spec"])
    if bound is None:
        fixed.pop("nodeName", None)
    return [] if fixed == before else [forbidden("spec", _CHANGE_REFUSED)]


def _fixed(spec: Mapping[str, Any]) -> dict[str, Any]:
    kept = without(spec, *_CHANGEABLE)
    for group in ("containers", "initContainers"):
        if group in kept:
            kept[group] = [without(container, "image") for container in kept[group]]
    return kept


def check_spec(spec: Mapping[str, Any], path: str) -> list[Cause]:
    """Return causes to refuse a PodSpec at ``path``."""
    causes = [*_check_words(spec, path), *_check_volumes(spec, path)]
    if not spec.get("containers"):
        causes.append(required(f"{path}.containers"))
    names: set[str] = set()
    for where, container in _containers(spec, path):
        causes += _check_container(container, where)
        name = container.get("name", "")
        if name in names:
            causes.append(duplicate(f"{where}.name", name))
        names.add(name)
        causes += _check_mounts(container, spec, where)
    return causes + ephemeral.check(spec, f"{path}.ephemeralContainers")


def _containers(spec: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for group in ("containers", "initContainers"):
        for i, container in enumerate(spec.get(group, ())):
            yield f"{path}.{group}[{i}]", container


def _check_words(spec: Mapping[str, Any], path: str) -> list[Cause]:
    choices = (("restartPolicy", _RESTART_POLICIES), ("dnsPolicy", _DNS_POLICIES))
    causes = [
        not_supported(f"{path}.{field}", spec[field], words)
        for field, words in choices
        if field in spec and spec[field] not in words
    ]
    for field in ("hostname", "subdomain"):
        causes += [invalid(f"{path}.{field}", spec[field], words) for words in syntax.dns_label(spec.get(field) or "a")]
    grace = spec.get("terminationGracePeriodSeconds", 0)
    if grace < 0:
        causes.append(invalid(f"{path}.terminationGracePeriodSeconds", grace, "must be greater than or equal to 0"))
    return causes + check_labels(spec.get("nodeSelector", {}), f"{path}.nodeSelector")


def _check_container(container: Mapping[str, Any], path: str) -> list[Cause]:
    name = container.get("name", "")
    causes = [invalid(f"{path}.name", name, words) for words in syntax.dns_label(name)] if name else []
    if not name:
        causes.append(required(f"{path}.name"))
    image = container.get("image", "")
    if not image:
        causes.append(required(f"{path}.image"))
    elif image != image.strip():
        causes.append(invalid(f"{path}.image", image, "must not have leading or trailing whitespace"))
    policy = container.get("imagePullPolicy", "Always")
    if policy not in _PULL_POLICIES:
        causes.append(not_supported(f"{path}.imagePullPolicy", policy, _PULL_POLICIES))
    causes += _check_ports(container.get("ports", ()), f"{path}.ports")
    return causes + _check_environment(container.get("env", ()), f"{path}.env")


def _check_ports(ports: list[Mapping[str, Any]], path: str) -> list[Cause]:
    causes = []
    names: set[str] = set()
    for i, port in enumerate(ports):
        where, name = f"{path}[{i}]", port.get("name", "")
        if name:
            causes += [invalid(f"{where}.name", name, words) for words in syntax.port_name(name)]
            causes += [duplicate(f"{where}.name", name)] if name in names else []
            names.add(name)
        causes += _check_port_numbers(port, where)
        if port.get("protocol", "TCP") not in PROTOCOLS:
            causes.append(not_supported(f"{where}.protocol", port["protocol"], PROTOCOLS))
    return causes


def _check_port_numbers(port: Mapping[str, Any], path: str) -> list[Cause]:
    number, host = port.get("containerPort", 0), port.get("hostPort", 0)
    if not number:
        return [required(f"{path}.containerPort")]
    causes = [invalid(f"{path}.containerPort", number, words) for words in syntax.port_number(number)]
    return causes + ([invalid(f"{path}.hostPort", host, words) for words in syntax.port_number(host)] if host else [])


def _check_environment(variables: list[Mapping[str, Any]], path: str) -> list[Cause]:
    causes = []
    for i, variable in enumerate(variables):
        name = variable.get("name", "")
        if not name:
            causes.append(required(f"{path}[{i}].name"))
        else:
            causes += [invalid(f"{path}[{i}].name", name, words) for words in syntax.environment_name(name)]
        if variable.get("value") and "valueFrom" in variable:
            words = "may not be specified when `value` is not empty"
            causes.append(invalid(f"{path}[{i}].valueFrom", "", words))
    return causes


def _check_volumes(spec: Mapping[str, Any], path: str) -> list[Cause]:
    causes = []
    names: set[str] = set()
    for i, volume in enumerate(spec.get("volumes", ())):
        name, where = volume.get("name", ""), f"{path}.volumes[{i}].name"
        if not name:
            causes.append(required(where))
        elif name in names:
            causes.append(duplicate(where, name))
        else:
            causes += [invalid(where, name, words) for words in syntax.dns_label(name)]
        names.add(name)
    return causes


def _check_mounts(container: Mapping[str, Any], spec: Mapping[str, Any], path: str) -> list[Cause]:
    volumes = {volume.get("name") for volume in spec.get("volumes", ())}
    causes = []
    for i, mount in enumerate(container.get("volumeMounts", ())):
        where = f"{path}.volumeMounts[{i}]"
        if mount.get("name", "") not in volumes:
            causes.append(not_found(f"{where}.name", mount.get("name", "")))
        if not mount.get("mountPath"):
            causes.append(required(f"{where}.mountPath"))
    return causes
