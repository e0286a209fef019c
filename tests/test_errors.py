import pytest

from netpol_harness.errors import ApiError, ExecFailed

USER = 'User "ci" cannot'


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        (
            f'pods is forbidden: {USER} create resource "pods" in API group "" in the namespace "x"',
            "; ask for the verb create on pods in namespace x",
        ),
        (
            f'networkpolicies.networking.k8s.io is forbidden: {USER} list resource "networkpolicies" in API group '
            '"networking.k8s.io" in the namespace "x"',
            "; ask for the verb list on networkpolicies.networking.k8s.io in namespace x",
        ),
        (
            f'namespaces is forbidden: {USER} create resource "namespaces" in API group "" at the cluster scope',
            "; ask for the verb create on namespaces for the whole cluster (a ClusterRole)",
        ),
    ],
)
def test_a_refusal_names_the_verb_to_ask_for(message: str, remedy: str) -> None:
    assert str(ApiError(403, "Forbidden", message)) == f"{message} (403 Forbidden){remedy}"


def test_a_refused_exec_does_so_too() -> None:
    said = f'exec in pod x/a failed: pods "a" is forbidden: {USER} create resource "pods/exec" in API group "" in the'
    assert str(ExecFailed(f'{said} namespace "x" (HTTP 403)')).endswith("the verb create on pods/exec in namespace x")


def test_other_errors_stay_as_they_are() -> None:
    assert str(ApiError(404, "NotFound", "pods not found")) == "pods not found (404 NotFound)"
    assert str(ExecFailed("broken")) == "broken"
