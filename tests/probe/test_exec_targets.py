from collections.abc import Sequence
from dataclasses import replace

import pytest

from netpol_harness.errors import ExecFailed, ToolMissing
from netpol_harness.kube.exec import ExecReply
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.exec_targets import ExecTarget, ExecTargets, is_program_missing
from netpol_harness.probe.plan.question import Probe
from netpol_harness.probe.plan.toolbox import Tool, Toolbox

POD, OTHER = NamespacedName("shop", "web"), NamespacedName("shop", "till")
TCP, UDP = Probe(Scheme.TCP, "10.0.0.1", 80), Probe(Scheme.UDP, "10.0.0.1", 53)
SEVERAL = "exec in pod shop/web failed: a container name must be specified for pod web, choose one of: [app side]"
NO_SH = 'OCI runtime exec failed: exec: "sh": executable file not found in $PATH: unknown'


class Pod:
    """A pod: what each container has, by name; a text is what an exec in it fails with."""

    image = "probe:1"

    def __init__(self, containers: dict[str, str], spare: str | None = "netpol-probe", made_of: str = "") -> None:
        self.containers = containers
        self.spare = spare
        self.made_of = made_of
        self.execs: list[str] = []

    def run(self, pod: NamespacedName, container: str, argv: Sequence[str], stdin: bytes) -> ExecReply:
        self.execs.append(container)
        has = self.containers[container]
        if not has.startswith("has"):
            raise ExecFailed(has)
        nonce = stdin.decode().rsplit("\n", 2)[0].rsplit("' ", 1)[1].split(" ", 1)[0]
        frame = f"\n[{nonce} tools 0 0 0\n{has}\n{nonce} tools 0]\n"
        return ExecReply(0, frame.encode())

    def names(self, pod: NamespacedName) -> Sequence[str]:
        return [name for name in self.containers if name not in ("", self.spare)]

    def fingerprint(self, pod: NamespacedName) -> str:
        return self.made_of

    def ensure_probe_container(self, pod: NamespacedName) -> str:
        if self.spare is None:
            raise ToolMissing("a probe container cannot be added: not here; do this")
        return self.spare


def _can_ask(probe: Probe, box: Toolbox) -> bool:
    return Tool.NC in box.tools or (probe is TCP and Tool.CURL in box.tools)


def _shares(pod: Pod, *probes: Probe) -> list[tuple[str, tuple[Probe, ...], str]]:
    assignments = ExecTargets(pod.run, pod).assign(POD, probes, _can_ask)
    return [(a.target.container, a.probes, a.problem) for a in assignments]


NC, CURL = "has nc\nnc OpenBSD", "has curl"


@pytest.mark.parametrize(
    ("containers", "shares", "execs"),
    [
        ({"": NC}, [("", (TCP, UDP), "")], [""]),
        ({"": NO_SH, "netpol-probe": NC}, [("netpol-probe", (TCP, UDP), "")], ["", "netpol-probe"]),
        ({"": "has getent", "netpol-probe": NC}, [("netpol-probe", (TCP, UDP), "")], ["", "netpol-probe"]),
        ({"": CURL, "netpol-probe": NC}, [("", (TCP,), ""), ("netpol-probe", (UDP,), "")], ["", "netpol-probe"]),
        ({"": SEVERAL, "app": NC, "side": NC}, [("app", (TCP, UDP), "")], ["app", "side"]),
        ({"": SEVERAL, "app": NO_SH, "side": NC}, [("side", (TCP, UDP), "")], ["app", "side"]),
        ({"": SEVERAL, "app": CURL, "side": NC}, [("app", (TCP,), ""), ("side", (UDP,), "")], ["app", "side"]),
        (
            {"": SEVERAL, "app": NO_SH, "side": NO_SH, "netpol-probe": NC},
            [("netpol-probe", (TCP, UDP), "")],
            ["app", "side", "netpol-probe"],
        ),
    ],
)
def test_a_probe_is_assigned_to_the_first_container_that_can_run_it(
    containers: dict[str, str], shares: list[tuple[str, tuple[Probe, ...], str]], execs: list[str]
) -> None:
    pod = Pod(containers)
    assert _shares(pod, TCP, UDP) == shares
    assert pod.execs == execs


def test_the_containers_that_an_author_wrote_come_before_those_that_an_admission_added() -> None:
    pod = Pod({"": "HTTP 400 Bad Request", "proxy": NC, "app": NC})
    targets = ExecTargets(pod.run, pod)
    targets.prefer("shop", ["app", "absent"])
    targets.prefer("elsewhere", ["proxy"])
    assert [target.container for target in targets.of(POD)] == ["app", "proxy"]
    assert "" not in pod.execs, "with several containers the server wants a name, in whatever words"


def test_a_probe_container_is_added_only_if_needed() -> None:
    pod = Pod({"": CURL}, spare=None)
    assert _shares(pod, TCP) == [("", (TCP,), "")]


def test_for_the_name_of_a_server_alone_no_container_is_added() -> None:
    name = replace(UDP, asks_name=True)
    assert _shares(Pod({"": CURL, "netpol-probe": NC}), TCP, name) == [("", (TCP,), ""), ("", (name,), "")]
    assert _shares(Pod({"": CURL, "netpol-probe": NC}), UDP, name) == [("netpol-probe", (UDP, name), "")]


def test_a_probe_that_no_target_can_run_is_assigned_to_the_first_with_the_reason() -> None:
    assert _shares(Pod({"": CURL}, spare=None), TCP, UDP) == [
        ("", (TCP,), ""),
        ("", (UDP,), "a probe container cannot be added: not here; do this"),
    ]


@pytest.mark.parametrize(
    ("containers", "message"),
    [
        (
            {"": NO_SH},
            "pod shop/web: there is no sh to run probes with; .*; a probe container cannot be added",
        ),
        ({"": "has getent"}, "pod shop/web: found none of curl, nc, .*; a probe container cannot be added"),
        (
            {"": SEVERAL, "app": NO_SH, "side": "has getent"},
            "container app: there is no sh.*container side: found none",
        ),
    ],
)
def test_a_pod_without_targets_names_all_problems(containers: dict[str, str], message: str) -> None:
    with pytest.raises(ToolMissing, match=message):
        _shares(Pod(containers, spare=None), TCP)


def test_targets_are_cached_until_they_are_forgotten() -> None:
    pod = Pod({"": NO_SH, "netpol-probe": NC})
    targets = ExecTargets(pod.run, pod)
    assert POD not in targets
    for _ in range(2):
        assert [target.container for target in targets.of(POD)] == ["netpol-probe"]
    assert POD in targets
    assert pod.execs == ["", "netpol-probe"]
    targets.forget(POD)
    pod.containers = {"": NC}
    assert targets.of(POD) == (ExecTarget("", targets.of(POD)[0].toolbox),)


def test_pods_of_one_fingerprint_are_discovered_once() -> None:
    pod = Pod({"": NC}, made_of="one image")
    targets = ExecTargets(pod.run, pod)
    assert targets.of(POD) == targets.of(OTHER)
    assert pod.execs == [""]
    targets.forget(OTHER)
    targets.of(OTHER)
    assert pod.execs == ["", ""]


def test_an_added_probe_container_is_not_shared_by_fingerprint() -> None:
    pod = Pod({"": CURL, "netpol-probe": NC}, made_of="one image")
    targets = ExecTargets(pod.run, pod)
    assert targets.assign(POD, [UDP], _can_ask)[0].target.container == "netpol-probe"
    assert [target.container for target in targets.of(OTHER)] == [""]


def test_a_pod_that_cannot_be_asked_anything_is_not_given_a_container() -> None:
    pod = Pod({"": 'pods "web" not found (HTTP 404)'})
    with pytest.raises(ExecFailed, match="not found"):
        _shares(pod, TCP)
    assert pod.execs == [""]


def test_without_help_the_choice_among_several_containers_is_an_error() -> None:
    pod = Pod({"": SEVERAL, "app": NC})
    with pytest.raises(ExecFailed, match="must be specified"):
        ExecTargets(pod.run, None).of(POD)


@pytest.mark.parametrize(
    "message",
    [
        'OCI runtime exec failed: exec failed: unable to start container process: exec: "sh": executable file not '
        "found in $PATH: unknown",
        'exec failed: unable to start container process: exec: "/bin/sh": stat /bin/sh: no such file or directory',
        "crun: executable file `sh` not found in $PATH: No such file or directory: OCI runtime attempted to invoke a "
        "command that was not found",
        'starting container: error finding executable "sh" in PATH []: no such file or directory',
    ],
)
def test_each_runtime_has_its_message_for_a_missing_program(message: str) -> None:
    assert is_program_missing(f"Internal error occurred: error executing command in container: {message}")


@pytest.mark.parametrize(
    "message",
    ['pods "web" not found', 'unable to upgrade connection: container not found ("web")', "error dialing backend: EOF"],
)
def test_a_missing_pod_is_not_a_missing_program(message: str) -> None:
    assert not is_program_missing(message)
