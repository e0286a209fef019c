"""Reads what the environments of pods refer to from the store."""

import base64
from collections.abc import Mapping

from netpol_harness.emulator.kubelet.environment import Configuration, Texts
from netpol_harness.emulator.store import Key, Store
from netpol_harness.model.json_object import JsonMapping

API_SERVICE = Key("services", "default", "kubernetes")
"""The Service that every pod is told of."""


class ConfigurationReader:
    """Reads the configuration of pods."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, pod: JsonMapping) -> Configuration:
        """Return what the environment of a pod's containers may refer to now."""
        namespace, spec = pod["metadata"]["namespace"], pod["spec"]
        api = self._store.find(API_SERVICE)
        services = self._store.list("services", namespace) if spec.get("enableServiceLinks") is not False else []
        return Configuration(
            lambda name: self._find("configmaps", namespace, name).get("data") or {},
            lambda name: _decoded(self._find("secrets", namespace, name)),
            ([api] if api else []) + [service for service in services if Key.of("services", service) != API_SERVICE],
        )

    def _find(self, resource: str, namespace: str, name: str) -> JsonMapping:
        return self._store.find(Key(resource, namespace, name)) or {}


def _decoded(secret: JsonMapping) -> Texts:
    data: Mapping[str, str] = secret.get("data") or {}
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}
