"""Probe containers: an ephemeral container in a pod whose own containers lack a shell or the tools to probe with.

Invariants: a pod gets at most one that works, however many processes add it, since it is identified by its name and
image, and adding it twice is the same as adding it once (a strategic merge by name). It shares the pod's network and
nothing else, and needs no privileges: its security context meets the level ``restricted``. Ephemeral containers cannot
be removed or restarted; they are deleted with their pod, and one that has ended is replaced by another.
Specification: kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers (KEP-277), .../pod-security-standards.
"""

import json
from collections.abc import Collection, Mapping
from itertools import count
from typing import Any

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ApiError, HarnessError, ToolMissing
from netpol_harness.kube.client import Client
from netpol_harness.kube.diagnose import PERMANENT_REASONS, POD_SECURITY
from netpol_harness.kube.wait import polls
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import NamespacedName, ObjectKey
from netpol_harness.wellknown import PROJECT_PREFIX, TEST_IMAGE

IMAGE = TEST_IMAGE
"""The default image of probe containers."""

NO_IMAGE = "none"
"""Instead of an image: pods are not changed, and those without tools cannot run probes."""

NAME = "netpol-probe"
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
TOKEN_MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where containers of a real cluster have their token mounted, by default."""

_SETTINGS = ("image", "env", "envFrom", "securityContext")
COLLISIONS = 3
SECONDS_OF_REFUSAL = 5.0
"""For how long a refusal is remembered, so that not every round of probes repeats the request."""

KEEP_RUNNING = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done"
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 65534,
    "runAsGroup": 65534,
    "seccompProfile": {"type": "RuntimeDefault"},
}
ALTERNATIVE = "or give the pod a container that has nc or curl"


class ProbeContainers:
    """Adds probe containers to pods. Safe to share between threads, and beside other processes that do the same.

    In seconds: ``timeout`` is the time from a container's creation until it runs, the pull of ``image`` included;
    ``interval`` is between the first two polls. Pods in ``untouchable`` namespaces are not changed.
    """

    def __init__(
        self,
        client: Client,
        image: str = IMAGE,
        *,
        timeout: float = 180.0,
        interval: float = 0.1,
        untouchable: Collection[str] = (),
    ) -> None:
        self._client = client
        self.image = image
        self._timeout = timeout
        self._interval = interval
        self._untouchable = frozenset(untouchable)
        self._refused: dict[NamespacedName, tuple[Deadline, str]] = {}

    def ensure_probe_container(self, pod: NamespacedName) -> str:
        """Return the name of the pod's running probe container, adding it if needed.

        Raises ``ToolMissing`` with the reason why it cannot run.
        """
        if pod.namespace in self._untouchable:
            raise ToolMissing(f"probe containers are not added to pods of {pod.namespace}: they are not the harness's")
        if self.image == NO_IMAGE:
            raise ToolMissing(f"probe containers are switched off; leave out --probe-image {NO_IMAGE}, {ALTERNATIVE}")
        until, why = self._refused.get(pod, (Deadline(0.0), ""))
        if not until.passed:
            raise ToolMissing(why)
        try:
            return self._wait_running(pod, self._added(pod), Deadline(self._timeout))
        except (ApiError, ToolMissing) as error:
            why = f"a probe container ({self.image}) cannot be added: {_explained(error, pod)}"
            self._refused[pod] = (Deadline(SECONDS_OF_REFUSAL), why)
            raise ToolMissing(why) from error

    def names(self, pod: NamespacedName) -> tuple[str, ...]:
        """Return the names of the pod's own containers, the default one of kubectl first."""
        data = self._client.get(_key(pod))
        preferred = (data["metadata"].get("annotations") or {}).get(DEFAULT_CONTAINER)
        names = [container["name"] for container in data["spec"]["containers"]]
        return tuple(sorted(names, key=lambda name: name != preferred))

    def fingerprint(self, pod: NamespacedName) -> str:
        """Return images and settings of the pod's own containers as text; empty if the pod cannot be read."""
        try:
            return _fingerprint(self._client.get(_key(pod)))
        except HarnessError:
            return ""

    def _added(self, pod: NamespacedName) -> str:
        """Return the name of a probe container in the pod's spec, adding it if there is none."""
        for retries in reversed(range(COLLISIONS)):
            data = self._client.get(_key(pod))
            if name := _usable(data, self.image):
                return name
            name = _unused_name(data)
            try:
                self._client.patch_subresource(_key(pod), "ephemeralcontainers", _patch(name, self.image))
            except ApiError as error:
                if retries and error.code in (409, 422) and "may not be" in str(error):
                    continue  # another process has just used the name for another image
                raise
            return name
        raise AssertionError("the last attempt returns or raises")

    def _wait_running(self, pod: NamespacedName, name: str, deadline: Deadline) -> str:
        for last_poll in polls(deadline, self._interval):
            state = _state(self._client.get(_key(pod)), name)
            if "running" in state:
                return name
            if "terminated" in state:
                terminated = state["terminated"]
                cause = terminated.get("message") or terminated.get("reason") or "no reason given"
                raise ToolMissing(f"it ended at once (exit code {terminated.get('exitCode')}: {cause.strip()})")
            waiting = state.get("waiting") or {}
            reason, message = waiting.get("reason") or "its node has not started it", waiting.get("message")
            if reason in PERMANENT_REASONS or last_poll:
                raise ToolMissing(": ".join(filter(None, [reason, message])))
        raise AssertionError("the last poll returns or raises")


def _key(pod: NamespacedName) -> ObjectKey:
    return ObjectKey("v1", "Pod", pod.namespace, pod.name)


def _fingerprint(pod: JsonObject) -> str:
    """Return everything that decides which programs the containers have; empty if they mount volumes of their own."""
    spec, containers = pod["spec"], pod["spec"]["containers"]
    mounted = {mount["mountPath"] for container in containers for mount in container.get("volumeMounts") or ()}
    images = {s["name"]: s.get("imageID") for s in (pod.get("status") or {}).get("containerStatuses") or ()}
    if mounted - {TOKEN_MOUNT} or not all(images.get(container["name"]) for container in containers):
        return ""
    names = [container["name"] for container in containers if len(containers) > 1]  # a single container needs no name
    settings = [[images[c["name"]], *(c.get(key) for key in _SETTINGS)] for c in containers]
    shared = [spec.get("securityContext"), spec.get("runtimeClassName")]
    annotations = pod["metadata"].get("annotations") or {}
    own_annotations = {k: v for k, v in annotations.items() if k.startswith((PROJECT_PREFIX, DEFAULT_CONTAINER))}
    return json.dumps([names, settings, shared, own_annotations], sort_keys=True)


def _state(pod: JsonObject, name: str) -> Mapping[str, Any]:
    """Return the container's state: at most one of waiting, running, terminated."""
    statuses = (pod.get("status") or {}).get("ephemeralContainerStatuses") or ()
    container: Mapping[str, Any] = next((status for status in statuses if status["name"] == name), {})
    return {kind: value for kind, value in (container.get("state") or {}).items() if value is not None}


def _usable(pod: JsonObject, image: str) -> str:
    """Return the name of the pod's probe container of this image that has not ended; empty if there is none."""
    probe_containers = [c for c in pod["spec"].get("ephemeralContainers") or () if c["name"].startswith(NAME)]
    alive = [c["name"] for c in probe_containers if c["image"] == image and "terminated" not in _state(pod, c["name"])]
    return alive[0] if alive else ""


def _unused_name(pod: JsonObject) -> str:
    groups = ("containers", "initContainers", "ephemeralContainers")
    used = {container["name"] for group in groups for container in pod["spec"].get(group) or ()}
    numbered = (NAME if number == 1 else f"{NAME}-{number}" for number in count(1))
    return next(name for name in numbered if name not in used)


def _patch(name: str, image: str) -> JsonObject:
    container = {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", KEEP_RUNNING],
        "securityContext": RESTRICTED,
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    return {"spec": {"ephemeralContainers": [container]}}


def _explained(error: ApiError | ToolMissing, pod: NamespacedName) -> str:
    """Return the problem, and what to do about it."""
    message = str(error)
    if isinstance(error, ToolMissing):
        return f"{message}; check that the nodes can pull the image, or choose one with sh and nc by --probe-image"
    return f"{message}; {_remedy(error.code, message, pod)}, {ALTERNATIVE}"


def _remedy(code: int, message: str, pod: NamespacedName) -> str:
    if "PodSecurity" in message:
        return f"the whole pod is checked again: relax the label {POD_SECURITY} of namespace {pod.namespace}"
    if code == 404 and "requested resource" in message:
        return "this cluster has no ephemeral containers: they need Kubernetes 1.25"
    if "static pods" in message:
        return "static pods cannot have ephemeral containers: probe from another pod"
    return "check which webhooks and policies admit changes of pods there"
