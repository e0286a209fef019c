import json
from collections.abc import Callable

import pytest

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ApiError, ExecFailed
from netpol_harness.kube.client import Client
from netpol_harness.kube.exec import PodExec
from netpol_harness.kube.permissions import permission_hint
from netpol_harness.model.names import NamespacedName, ObjectKey

Answer = tuple[int, dict[str, str], bytes]
ClientOf = Callable[[Callable[[str, str, bytes, dict[str, str]], Answer]], Client]
USER = 'User "ci" cannot'


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        (
            f'pods is forbidden: {USER} create resource "pods" in API group "" in the namespace "x"',
            "ask for the verb create on pods in namespace x",
        ),
        (
            f'networkpolicies.networking.k8s.io is forbidden: {USER} list resource "networkpolicies" in API group '
            '"networking.k8s.io" in the namespace "x"',
            "ask for the verb list on networkpolicies.networking.k8s.io in namespace x",
        ),
        (
            f'namespaces is forbidden: {USER} create resource "namespaces" in API group "" at the cluster scope',
            "ask for the verb create on namespaces for the whole cluster (a ClusterRole)",
        ),
    ],
)
def test_an_authorizers_message_names_the_verb_to_ask_for(message: str, hint: str) -> None:
    assert permission_hint(message) == hint


def test_other_messages_have_no_hint() -> None:
    assert permission_hint("pods not found") == ""


def _forbidden(*_: object) -> Answer:
    message = f'pods "a" is forbidden: {USER} create resource "pods/exec" in API group "" in the namespace "x"'
    return 403, {}, json.dumps({"kind": "Status", "reason": "Forbidden", "message": message}).encode()


def test_a_refused_request_ends_with_the_hint(client_of: ClientOf) -> None:
    with pytest.raises(ApiError, match=r"\(403 Forbidden\); ask for the verb create on pods/exec in namespace x$"):
        client_of(_forbidden).get(ObjectKey("v1", "Pod", "x", "a"))


def test_a_refused_exec_ends_with_the_hint(client_of: ClientOf) -> None:
    run = PodExec(client_of(_forbidden).access)
    with pytest.raises(ExecFailed, match=r"\(HTTP 403\); ask for the verb create on pods/exec in namespace x$"):
        run(NamespacedName("x", "a"), ["sh"], deadline=Deadline(5.0))
