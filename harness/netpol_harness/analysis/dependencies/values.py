"""The values that a pod template declares: environment, arguments, commands and ConfigMaps, with their places. Pure.

Secrets are never read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netpol_harness.model.names import NamespacedName
from netpol_harness.scenario.scenario import Manifest

ConfigMaps = Mapping[NamespacedName, Manifest]

_TEMPLATES: Mapping[str, tuple[str, ...]] = {"Pod": (), "CronJob": ("spec", "jobTemplate", "spec", "template")}
_TEMPLATE = ("spec", "template")
_LISTS = ("initContainers", "containers")

_Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class DeclaredValue:
    """A text of a manifest. ``key`` is the name of the variable or of the ConfigMap's entry, and may be empty."""

    key: str
    text: str
    where: str


@dataclass(frozen=True, slots=True)
class ContainerValues:
    """The environment of one container, and its other texts."""

    environment: tuple[DeclaredValue, ...]
    others: tuple[DeclaredValue, ...]


def container_values(manifest: Manifest, config_maps: ConfigMaps) -> Iterator[ContainerValues]:
    """Yield the values of each container; those of ConfigMaps that are mounted count for the first one."""
    base = _TEMPLATES.get(manifest.name.kind, _TEMPLATE)
    spec = manifest.pod.get("spec") or {}
    mounted = tuple(_mounted(manifest, spec, config_maps))
    for list_name in _LISTS:
        for index, container in enumerate(spec.get(list_name) or ()):
            path: _Keys = (*base, "spec", list_name, index)
            environment = (*_from(manifest, container, config_maps), *_env(manifest, container, path, config_maps))
            words = tuple(_words(manifest, container, path))
            first = mounted if (list_name, index) == ("containers", 0) else ()
            yield ContainerValues(environment, (*words, *first))


def probes(manifest: Manifest) -> Iterator[tuple[str, object, str]]:
    """Yield the kubelet's probes over the network: the kind, the number or the name of the port, and the place."""
    base = _TEMPLATES.get(manifest.name.kind, _TEMPLATE)
    for index, container in enumerate((manifest.pod.get("spec") or {}).get("containers") or ()):
        for kind in ("readinessProbe", "livenessProbe", "startupProbe"):
            probe = container.get(kind) or {}
            for way in ("httpGet", "tcpSocket", "grpc"):
                target = probe.get(way) or {}
                if "port" in target and not target.get("host"):
                    yield kind, target["port"], manifest.at(*base, "spec", "containers", index, kind)


def _env(
    manifest: Manifest, container: Mapping[str, Any], path: _Keys, config_maps: ConfigMaps
) -> Iterator[DeclaredValue]:
    for index, entry in enumerate(container.get("env") or ()):
        name, source = str(entry.get("name")), (entry.get("valueFrom") or {}).get("configMapKeyRef") or {}
        if isinstance(entry.get("value"), str):
            yield DeclaredValue(name, entry["value"], manifest.at(*path, "env", index, "value"))
        elif config := config_maps.get(_ref(manifest, source.get("name"))):
            for value in _entries(config):
                if value.key == source.get("key"):
                    yield DeclaredValue(name, value.text, value.where)


def _from(manifest: Manifest, container: Mapping[str, Any], config_maps: ConfigMaps) -> Iterator[DeclaredValue]:
    for source in container.get("envFrom") or ():
        reference = source.get("configMapRef") or {}
        if config := config_maps.get(_ref(manifest, reference.get("name"))):
            prefix = source.get("prefix") or ""
            yield from (DeclaredValue(f"{prefix}{v.key}", v.text, v.where) for v in _entries(config))


def _words(manifest: Manifest, container: Mapping[str, Any], path: _Keys) -> Iterator[DeclaredValue]:
    """Yield the command and its arguments, each with the one before as its key: ``--host db``."""
    for name in ("command", "args"):
        before = ""
        for index, word in enumerate(container.get(name) or ()):
            flag, equals, value = str(word).partition("=") if str(word).startswith("-") else ("", "", str(word))
            yield DeclaredValue(flag or before, value if equals else str(word), manifest.at(*path, name, index))
            before = str(word) if str(word).startswith("-") else ""


def _mounted(manifest: Manifest, spec: Mapping[str, Any], config_maps: ConfigMaps) -> Iterator[DeclaredValue]:
    for volume in spec.get("volumes") or ():
        sources = [volume, *((volume.get("projected") or {}).get("sources") or ())]
        for source in sources:
            if config := config_maps.get(_ref(manifest, (source.get("configMap") or {}).get("name"))):
                yield from (line for value in _entries(config) for line in _lines(value))


def _lines(value: DeclaredValue) -> Iterator[DeclaredValue]:
    """Yield the lines of a file, each with what stands before ``=`` or ``:`` as its key, without comments."""
    for line in value.text.splitlines():
        text = line.strip()
        if text and text[0] not in "#;":
            separator = min((text.index(mark) for mark in ("=", ": ") if mark in text), default=-1)
            key, rest = (text[:separator], text[separator + 1 :]) if separator > 0 else (value.key, text)
            yield DeclaredValue(key.strip(), rest.strip().strip("\"'"), value.where)


def _entries(config: Manifest) -> Iterator[DeclaredValue]:
    for key, value in (config.data.get("data") or {}).items():
        yield DeclaredValue(str(key), str(value), config.at("data", str(key)))


def _ref(manifest: Manifest, name: object) -> NamespacedName:
    return NamespacedName(manifest.name.ref.namespace, str(name))
