from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from netpol_harness.errors import ApiError, ToolMissing
from netpol_harness.model.names import NamespacedName, ObjectKey
from netpol_harness.probe.ephemeral import IMAGE, NAME, ProbeContainers
from netpol_harness.wellknown import HIDE_TOOLS_ANNOTATION

POD = NamespacedName("shop", "web")
RUNNING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
CREATING = {"waiting": {"reason": "ContainerCreating"}}
ENDED = {"terminated": {"exitCode": 0, "reason": "Completed"}}


def _entry(name: str = NAME, image: str = IMAGE) -> dict[str, Any]:
    return {"name": name, "image": image}


class FakeApi:
    """An API server with one pod, whose new containers go through ``states``; ``refusal`` answers what is asked."""

    def __init__(self, *states: Mapping[str, Any], refusal: ApiError | None = None) -> None:
        self.containers: list[dict[str, Any]] = [{"name": "app"}, {"name": "side"}]
        self.joined: list[dict[str, Any]] = []
        self.state: dict[str, Mapping[str, Any]] = {}
        self.annotations: dict[str, str] = {}
        self.images: list[dict[str, str]] = []
        self.refusal = refusal
        self.patches: list[tuple[ObjectKey, str, Mapping[str, Any]]] = []
        self._states: Iterator[Mapping[str, Any]] = iter(states or (RUNNING,))

    def get(self, key: ObjectKey) -> dict[str, Any]:
        for entry in self.joined:
            self.state[entry["name"]] = next(self._states, self.state.get(entry["name"], {}))
        statuses = [{"name": name, "state": dict(state)} for name, state in self.state.items()]
        return {
            "metadata": {"name": key.name, "annotations": self.annotations},
            "spec": {"containers": self.containers, "ephemeralContainers": self.joined},
            "status": {"ephemeralContainerStatuses": statuses, "containerStatuses": self.images},
        }

    def patch_subresource(self, key: ObjectKey, subresource: str, patch: Mapping[str, Any]) -> dict[str, Any]:
        self.patches.append((key, subresource, patch))
        if self.refusal:
            raise self.refusal
        self.joined += patch["spec"]["ephemeralContainers"]
        return self.get(key)


def _containers(api: Any, **more: Any) -> ProbeContainers:
    return ProbeContainers(api, **{"timeout": 1.0, "interval": 0.001, **more})


def test_a_container_is_added_and_waited_for() -> None:
    api = FakeApi({}, CREATING, RUNNING)
    assert _containers(api).ensure_probe_container(POD) == NAME
    [(key, subresource, patch)] = api.patches
    assert (str(key), subresource) == ("Pod shop/web", "ephemeralcontainers")
    [container] = patch["spec"]["ephemeralContainers"]
    assert (container["name"], container["image"], container["imagePullPolicy"]) == (NAME, IMAGE, "IfNotPresent")


def test_it_meets_the_restricted_level_of_pod_security() -> None:
    api = FakeApi()
    _containers(api).ensure_probe_container(POD)
    context = api.joined[0]["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] > 0
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"ports", "resources", "livenessProbe"} & api.joined[0].keys(), "an API server refuses these"


def test_it_is_found_again_whoever_made_it() -> None:
    api = FakeApi(CREATING, RUNNING)
    api.joined = [_entry("debugger-x7k", "busybox"), _entry()]
    for _ in range(2):
        assert _containers(api).ensure_probe_container(POD) == NAME
    assert api.patches == []


@pytest.mark.parametrize(
    ("joined", "state", "name"),
    [
        ([_entry()], {NAME: ENDED}, f"{NAME}-2"),
        ([_entry(), _entry(f"{NAME}-2")], {NAME: ENDED, f"{NAME}-2": ENDED}, f"{NAME}-3"),
        ([_entry(image="another:1")], {NAME: RUNNING}, f"{NAME}-2"),
    ],
)
def test_an_ended_probe_container_or_one_of_another_image_is_replaced(
    joined: list[dict[str, Any]], state: dict[str, Mapping[str, Any]], name: str
) -> None:
    api = FakeApi()
    api.get = lambda key: _pod(api, joined, state, name)  # type: ignore[method-assign]  # the states differ by name
    assert _containers(api).ensure_probe_container(POD) == name
    assert [patch["spec"]["ephemeralContainers"][0]["name"] for _, _, patch in api.patches] == [name]


def _pod(api: FakeApi, joined: Any, state: dict[str, Mapping[str, Any]], name: str) -> dict[str, Any]:
    states = {**state, **({name: RUNNING} if api.patches else {})}
    return {
        "metadata": {},
        "spec": {"containers": [{"name": "app"}], "ephemeralContainers": joined},
        "status": {"ephemeralContainerStatuses": [{"name": n, "state": s} for n, s in states.items()]},
    }


def test_a_name_that_is_taken_meanwhile_is_left_alone() -> None:
    api = FakeApi(RUNNING, RUNNING, RUNNING)
    join = api.patch_subresource

    def race(key: ObjectKey, subresource: str, patch: Mapping[str, Any]) -> dict[str, Any]:
        if not api.joined:
            api.joined = [_entry(image="another:1")]
            why = f'spec.ephemeralContainers: Forbidden: existing ephemeral containers "{NAME}" may not be changed'
            raise ApiError(422, "Invalid", f'Pod "web" is invalid: {why}')
        return join(key, subresource, patch)

    api.patch_subresource = race  # type: ignore[method-assign]
    assert _containers(api).ensure_probe_container(POD) == f"{NAME}-2"


FORBIDDEN = (
    'pods "web" is forbidden: User "dev" cannot patch resource "pods/ephemeralcontainers" in API group "" in the '
    'namespace "shop"'
)
SECURITY = (
    'pods "web" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container '
    '"app" must set securityContext.allowPrivilegeEscalation=false)'
)
WEBHOOK = 'admission webhook "validate.kyverno.svc-fail" denied the request: resource Pod/shop/web was blocked'
STATIC = 'Pod "web" is invalid: <nil>: Forbidden: static pods do not support ephemeral containers'


@pytest.mark.parametrize(
    ("code", "reason", "message", "remedy"),
    [
        (403, "Forbidden", FORBIDDEN, "check which webhooks|ask for the verb"),
        (403, "Forbidden", SECURITY, "relax the label pod-security.kubernetes.io/enforce of namespace shop"),
        (404, "NotFound", "the server could not find the requested resource", "they need Kubernetes 1.25"),
        (422, "Invalid", STATIC, "static pods cannot have ephemeral containers"),
        (400, "BadRequest", WEBHOOK, "check which webhooks and policies admit changes"),
    ],
)
def test_a_refusal_is_reported_with_its_remedy(code: int, reason: str, message: str, remedy: str) -> None:
    api = FakeApi(refusal=ApiError(code, reason, message))
    with pytest.raises(ToolMissing, match=remedy) as raised:
        _containers(api).ensure_probe_container(POD)
    assert message in str(raised.value)
    assert f"a probe container ({IMAGE}) cannot be added" in str(raised.value)
    assert "or give the pod a container that has nc or curl" in str(raised.value)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (
            {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "x"'}},
            "ImagePullBackOff: Back",
        ),
        ({"waiting": {"reason": "CreateContainerConfigError", "message": "runAsNonRoot"}}, "runAsNonRoot"),
        ({"terminated": {"exitCode": 127, "message": "sh: not found\n"}}, r"it ended at once \(exit code 127: sh: not"),
        ({}, "its node has not started it"),
    ],
)
def test_a_container_that_does_not_come_up_says_why(state: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ToolMissing, match=message) as raised:
        _containers(FakeApi(*[state] * 99), timeout=0.0).ensure_probe_container(POD)
    assert "--probe-image" in str(raised.value)


def test_a_refusal_is_not_brought_about_in_every_round() -> None:
    api = FakeApi(refusal=ApiError(403, "Forbidden", FORBIDDEN))
    containers = _containers(api)
    for _ in range(3):
        with pytest.raises(ToolMissing, match="cannot patch"):
            containers.ensure_probe_container(POD)
    assert len(api.patches) == 1


def test_pods_that_are_not_ours_to_change_are_left_alone() -> None:
    api = FakeApi()
    with pytest.raises(ToolMissing, match="they are not the harness's"):
        _containers(api, untouchable={"kube-system"}).ensure_probe_container(NamespacedName("kube-system", "coredns"))
    assert api.patches == []


def test_the_preferred_container_comes_first() -> None:
    api = FakeApi()
    assert _containers(api).names(POD) == ("app", "side")
    api.annotations["kubectl.kubernetes.io/default-container"] = "side"
    assert _containers(api).names(POD) == ("side", "app")


def _kind(
    *, image: str = "sha256:1", name: str = "app", annotations: Mapping[str, str] | None = None, **more: Any
) -> str:
    api = FakeApi()
    api.containers = [{"name": name, "image": "agnhost", **more}]
    api.images = [{"name": name, "imageID": image}]
    api.annotations = dict(annotations or {})
    return _containers(api).fingerprint(POD)


def test_pods_of_one_image_and_the_same_settings_have_one_fingerprint() -> None:
    tokens = {"name": "kube-api-access-x", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    alike = {
        _kind(),
        _kind(name="web"),
        _kind(args=["netexec"], ports=[{"containerPort": 80}], volumeMounts=[tokens]),
        _kind(annotations={"cni.projectcalico.org/podIP": "10.0.0.1"}),
    }
    assert len(alike) == 1
    assert "" not in alike


@pytest.mark.parametrize(
    "other",
    [
        _kind(image="sha256:2"),
        _kind(env=[{"name": "PATH", "value": "/bin"}]),
        _kind(securityContext={"runAsUser": 7}),
        _kind(annotations={HIDE_TOOLS_ANNOTATION: "nc"}),
    ],
)
def test_pods_that_may_have_other_programs_have_another_fingerprint(other: str) -> None:
    assert other not in ("", _kind())


def test_pods_with_unknown_images_or_mounts_have_no_fingerprint() -> None:
    assert _kind(image="") == _kind(volumeMounts=[{"name": "tools", "mountPath": "/opt"}]) == ""
