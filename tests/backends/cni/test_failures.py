from typing import Any

import pytest

from netpol_harness.backends.cni.failures import SECONDS, FailureTracker


def pod(reason: str = "", *, restarts: int = 0, ready: bool = False, uid: str = "1") -> dict[str, Any]:
    state = {"waiting": {"reason": reason}} if reason else {"running": {}}
    container = {"name": "agent", "state": state, "restartCount": restarts, "ready": ready}
    metadata = {"name": "agent-x", "namespace": "kube-system", "uid": uid}
    return {"metadata": metadata, "status": {"phase": "Pending", "containerStatuses": [container]}}


def given_up(*looks: dict[str, Any], every: float = SECONDS) -> list[bool]:
    """The result for a pod at each of these times."""
    patience = FailureTracker()
    return [bool(patience.failed([look], number * every)) for number, look in enumerate(looks)]


@pytest.mark.parametrize("reason", ["ErrImageNeverPull", "InvalidImageName"])
def test_permanent_errors_fail_at_once(reason: str) -> None:
    assert given_up(pod(reason)) == [True]


def test_a_failing_pull_is_permanent_after_some_time() -> None:
    looks = [pod("ErrImagePull"), pod("ImagePullBackOff"), pod("ErrImagePull"), pod("ImagePullBackOff")]
    assert given_up(*looks, every=SECONDS / 3) == [False, False, False, True]


def test_a_crash_loop_is_permanent_after_several_restarts_and_some_time() -> None:
    looks = [pod("CrashLoopBackOff", restarts=1), pod(restarts=2), pod("CrashLoopBackOff", restarts=3)]
    assert given_up(*looks) == [False, False, False]
    assert given_up(*looks, pod("CrashLoopBackOff", restarts=4)) == [False, False, False, True]
    quick = [pod("CrashLoopBackOff", restarts=number) for number in range(1, 8)]
    assert not any(given_up(*quick, every=1.0))


def test_a_container_that_becomes_ready_starts_again() -> None:
    trouble = pod("CrashLoopBackOff", restarts=4)
    assert given_up(trouble, pod(restarts=4, ready=True), trouble, trouble) == [False, False, False, True]


def test_another_pod_of_the_same_controller_starts_again() -> None:
    assert given_up(pod("ErrImagePull"), pod("ErrImagePull", uid="2")) == [False, False]


def test_slow_starts_are_waited_for() -> None:
    assert not any(given_up(*[pod("ContainerCreating")] * 9, pod()))
