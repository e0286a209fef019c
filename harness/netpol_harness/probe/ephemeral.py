"""Probe containers: one ephemeral container in a pod whose own containers lack a shell or the tools to ask with.

Invariants: a pod gets at most one that works, whoever asks for it and however often, since it is found again by its
name and image, and adding it twice is adding it once (a strategic merge by name). It shares the pod's network and
nothing else, and asks for no right: its security context meets the level ``restricted``. Ephemeral containers cannot be
taken away or started again; they go with their pod, and one that has ended gets a successor.
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
from netpol_harness.wellknown import PROJECT_PREFIX

IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.53"
"""Has sh, curl, nc (OpenBSD's), bash, and agnhost for SCTP; made for many processors; usually on the nodes already."""

NO_IMAGE = "none"
"""In the image's place: pods are left as they are, and one without tools cannot be asked."""

NAME = "netpol-probe"
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
TOKENS = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where every container of a real cluster has something mounted, unless it does not want it."""

_SETTINGS = ("image", "env", "envFrom", "securityContext")
COLLISIONS = 3
SECONDS_OF_REFUSAL = 5.0
"""For how long a refusal is taken for granted, so that not every round of probes brings it about again."""

STAY = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done"
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 65534,
    "runAsGroup": 65534,
    "seccompProfile": {"type": "RuntimeDefault"},
}
IN_STEAD = "or give the pod a container that has nc or curl"


class ProbeContainers:
    """Gives pods their probe container. Safe to share between threads, and with other processes that do the same.

    In seconds: ``timeout`` is what a container may take from its creation until it runs, the pull of ``image``
    included; ``interval`` lies between the first two looks. Pods in ``untouchable`` namespaces are left as they are.
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
        """The name of the pod's probe container, which runs. Raises ``ToolMissing`` with what is in its way."""
        if pod.namespace in self._untouchable:
            raise ToolMissing(f"a probe container is not for pods of {pod.namespace}: they are not ours to change")
        if self.image == NO_IMAGE:
            raise ToolMissing(f"probe containers are switched off; leave out --probe-image {NO_IMAGE}, {IN_STEAD}")
        until, why = self._refused.get(pod, (Deadline(0.0), ""))
        if not until.passed:
            raise ToolMissing(why)
        try:
            return self._running(pod, self._wanted(pod), Deadline(self._timeout))
        except (ApiError, ToolMissing) as error:
            why = f"a probe container ({self.image}) cannot be had: {_explained(error, pod)}"
            self._refused[pod] = (Deadline(SECONDS_OF_REFUSAL), why)
            raise ToolMissing(why) from error

    def names(self, pod: NamespacedName) -> tuple[str, ...]:
        """The names of the pod's own containers, the one first that kubectl takes when none is named."""
        data = self._client.get(_key(pod))
        preferred = (data["metadata"].get("annotations") or {}).get(DEFAULT_CONTAINER)
        names = [container["name"] for container in data["spec"]["containers"]]
        return tuple(sorted(names, key=lambda name: name != preferred))

    def fingerprint(self, pod: NamespacedName) -> str:
        """Images and settings of the pod's own containers; empty where the API does not tell."""
        try:
            return _kind(self._client.get(_key(pod)))
        except HarnessError:
            return ""

    def _wanted(self, pod: NamespacedName) -> str:
        """The name of a probe container that is in the pod's spec, where it is put if there is none."""
        for left in reversed(range(COLLISIONS)):
            data = self._client.get(_key(pod))
            if name := _usable(data, self.image):
                return name
            name = _unused_name(data)
            try:
                self._client.patch_subresource(_key(pod), "ephemeralcontainers", _patch(name, self.image))
            except ApiError as error:
                if left and error.code in (409, 422) and "may not be" in str(error):
                    continue  # somebody has just taken the name, for another image
                raise
            return name
        raise AssertionError("the last attempt returns or raises")

    def _running(self, pod: NamespacedName, name: str, deadline: Deadline) -> str:
        for last_look in polls(deadline, self._interval):
            state = _state(self._client.get(_key(pod)), name)
            if "running" in state:
                return name
            if "terminated" in state:
                ended = state["terminated"]
                said = ended.get("message") or ended.get("reason") or "it does not say why"
                raise ToolMissing(f"it ended at once (exit code {ended.get('exitCode')}: {said.strip()})")
            waiting = state.get("waiting") or {}
            reason, message = waiting.get("reason") or "its node has not taken notice of it", waiting.get("message")
            if reason in PERMANENT_REASONS or last_look:
                raise ToolMissing(": ".join(filter(None, [reason, message])))
        raise AssertionError("the last look returns or raises")


def _key(pod: NamespacedName) -> ObjectKey:
    return ObjectKey("v1", "Pod", pod.namespace, pod.name)


def _kind(pod: JsonObject) -> str:
    """All that decides which programs there are, as text. What mounts something of its own is of no kind."""
    spec, containers = pod["spec"], pod["spec"]["containers"]
    mounted = {mount["mountPath"] for container in containers for mount in container.get("volumeMounts") or ()}
    images = {s["name"]: s.get("imageID") for s in (pod.get("status") or {}).get("containerStatuses") or ()}
    if mounted - {TOKENS} or not all(images.get(container["name"]) for container in containers):
        return ""
    names = [container["name"] for container in containers if len(containers) > 1]  # one alone is asked without it
    settings = [[images[c["name"]], *(c.get(key) for key in _SETTINGS)] for c in containers]
    shared = [spec.get("securityContext"), spec.get("runtimeClassName")]
    annotations = pod["metadata"].get("annotations") or {}
    marks = {key: annotations[key] for key in annotations if key.startswith((PROJECT_PREFIX, DEFAULT_CONTAINER))}
    return json.dumps([names, settings, shared, marks], sort_keys=True)


def _state(pod: JsonObject, name: str) -> Mapping[str, Any]:
    """The container's state: at most one of waiting, running, terminated."""
    statuses = (pod.get("status") or {}).get("ephemeralContainerStatuses") or ()
    found: Mapping[str, Any] = next((status for status in statuses if status["name"] == name), {})
    return {kind: value for kind, value in (found.get("state") or {}).items() if value is not None}


def _usable(pod: JsonObject, image: str) -> str:
    """The name of the pod's probe container from this image that has not ended; empty where there is none."""
    ours = [c for c in pod["spec"].get("ephemeralContainers") or () if c["name"].startswith(NAME)]
    alive = [c["name"] for c in ours if c["image"] == image and "terminated" not in _state(pod, c["name"])]
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
        "command": ["sh", "-c", STAY],
        "securityContext": RESTRICTED,
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    return {"spec": {"ephemeralContainers": [container]}}


def _explained(error: ApiError | ToolMissing, pod: NamespacedName) -> str:
    """What is in the way, and what to do about it."""
    said = str(error)
    if isinstance(error, ToolMissing):
        return f"{said}; see that the nodes can pull the image, or name one that has sh and nc with --probe-image"
    return f"{said}; {_remedy(error.code, said, pod)}, {IN_STEAD}"


def _remedy(code: int, said: str, pod: NamespacedName) -> str:
    if "PodSecurity" in said:
        return f"the whole pod is judged again, so relax the label {POD_SECURITY} of namespace {pod.namespace}"
    if code == 404 and "requested resource" in said:
        return "this cluster has no ephemeral containers: they need Kubernetes 1.25"
    if "static pods" in said:
        return "static pods take no ephemeral containers: ask another pod"
    return "see what admits changes of pods there (webhooks, policies)"
