"""``Access`` from a kubeconfig and a context: the address of one API server and the credentials for it.

The official client reads the file, client certificates, tokens, exec plugins and proxies; this module turns its errors
into ours and makes the result safe to share between threads. It is imported only if the file needs it (``loopback``).
Specification: kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig.
"""

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from yaml import YAMLError

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ClusterFailed
from netpol_harness.kube.loopback import LoopbackConfiguration, loopback_configuration

if TYPE_CHECKING:
    from kubernetes.client.configuration import Configuration

FRESHNESS = 1.0
"""Seconds for which a token is reused without a check: a check reads files and the environment."""


class Access:
    """Address and credentials of one API server. Safe to share between threads: only ``headers`` changes it, locked.

    ``identity`` is the part of a 401 message that names our user and says what to do.
    """

    def __init__(self, configuration: "Configuration | LoopbackConfiguration", identity: str = "") -> None:
        self.configuration = configuration
        self.identity = identity
        self._refresh = threading.Lock()
        self._headers: dict[str, str] = {}
        self._fresh = Deadline(0.0)

    @classmethod
    def from_kubeconfig(cls, path: Path, context: str = "") -> "Access":
        """Read ``path`` (or several, joined by ``:``); an empty ``context`` means the file's current one.

        Raises ``ClusterFailed`` if the file or the context is missing or cannot be used.
        """
        if loopback := loopback_configuration(path, context):
            return cls(loopback, _identity(loopback.context, loopback.user, path))
        from kubernetes.client.configuration import Configuration
        from kubernetes.config.config_exception import ConfigException

        loader = _loader(_parsed(path), path, context)
        configuration = Configuration()
        try:
            loader.load_and_set(configuration)
        except (ConfigException, OSError, ValueError) as error:
            raise ClusterFailed(f"kubeconfig {path}: {error}; fix the file or choose another context") from error
        chosen = loader.current_context
        user = (chosen.get("context") or {}).get("user") or "(none)"
        return cls(configuration, _identity(chosen.get("name"), user, path))

    @property
    def server(self) -> str:
        """The API server's URL, without a trailing slash."""
        return str(self.configuration.host)

    @property
    def address(self) -> str:
        """The API server's scheme, host and port, for messages: a path may hold a secret."""
        parts = urlsplit(self.server)
        return f"{parts.scheme}://{parts.netloc}"

    def headers(self) -> dict[str, str]:
        """Return the request headers with our credentials; a token that has expired is renewed."""
        with self._refresh:
            if self._fresh.passed:
                settings: Any = self.configuration.auth_settings()
                self._headers = {entry["key"]: entry["value"] for entry in settings.values() if entry["value"]}
                self._fresh = Deadline(FRESHNESS)
            return self._headers


def _parsed(path: Path) -> Any:
    """Return the merged documents of ``path``; files that do not exist are skipped, but one must exist."""
    from kubernetes.config.config_exception import ConfigException
    from kubernetes.config.kube_config import KubeConfigMerger

    files = [part for part in str(path).split(os.pathsep) if Path(part).is_file()]
    if not files:
        raise ClusterFailed(f"there is no kubeconfig {path}; choose one with --cluster kubeconfig and KUBECONFIG")
    merger: Any = KubeConfigMerger  # untyped there
    try:
        merged = merger(os.pathsep.join(files)).config
    except (ConfigException, YAMLError, UnicodeDecodeError, OSError, AttributeError, TypeError) as error:
        raise ClusterFailed(f"kubeconfig {path} cannot be read: {error}; see `kubectl config view`") from error
    if merged is None:
        raise ClusterFailed(f"kubeconfig {path} is empty; fill it or choose another file")
    return merged


def _loader(merged: Any, path: Path, context: str) -> Any:
    from kubernetes.config.config_exception import ConfigException
    from kubernetes.config.kube_config import KubeConfigLoader

    loader: Any = KubeConfigLoader  # untyped there
    try:
        return loader(merged, active_context=context or None, config_base_path=None)
    except (ConfigException, TypeError, KeyError) as error:
        known = ", ".join(sorted(_contexts(merged))) or "none"
        wanted = f"context {context!r}" if context else "the current context"
        raise ClusterFailed(f"kubeconfig {path}: {wanted} cannot be used ({error}); contexts there: {known}") from error


def _identity(context: str, user: str, path: Path) -> str:
    return (
        f"user {user!r} of context {context!r} in kubeconfig {path} is not known there; log in again or choose another "
        "context"
    )


def _contexts(merged: Any) -> list[str]:
    """Return the names of the contexts in a document that may be malformed."""
    from kubernetes.config.config_exception import ConfigException

    try:
        return [str(context["name"]) for context in merged["contexts"]]
    except (ConfigException, TypeError, KeyError):
        return []
