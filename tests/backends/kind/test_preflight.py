"""Obstacles and warnings of the host."""

import json
import os
from dataclasses import replace
from typing import Any

import pytest

from netpol_harness.backends.kind.engine import Engine, find_engine
from netpol_harness.backends.kind.images import NodeImage, node_image
from netpol_harness.backends.kind.preflight import Host, Preflight, assess, read_host
from netpol_harness.backends.runs.command import CommandFailed
from netpol_harness.errors import ToolMissing

ENGINE = Engine("docker", "docker", "28.2.2", cgroup=2, memory=16 * 2**30, local=True)
HOST = Host(instances=512, watches=524_288, memory=8 * 2**30)
IMAGE = node_image("")
V33 = (0, 33, 0)
DOWN = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"


def test_a_good_host() -> None:
    found = assess(ENGINE, V33, IMAGE, 3, HOST)
    assert (found.obstacles, found.warnings) == ((), ())


@pytest.mark.parametrize(
    ("engine", "host", "image", "expected"),
    [
        (
            ENGINE,
            Host(128, 524_288),
            IMAGE,
            "max_user_instances is 128; `sudo sysctl fs.inotify.max_user_instances=512`",
        ),
        (ENGINE, Host(512, 8192), IMAGE, "max_user_watches is 8192"),
        (replace(ENGINE, cgroup=1), HOST, IMAGE, "use --kube-image v1.34.11"),
        (ENGINE, HOST, NodeImage("own:v1.36.0", 36), "has no digest"),
    ],
)
def test_warnings(engine: Engine, host: Host, image: NodeImage, expected: str) -> None:
    found = assess(engine, V33, image, 3, host)
    assert not found.obstacles
    assert expected in str(found.warnings[0])


def test_limits_of_this_host_do_not_apply_to_another() -> None:
    remote = replace(ENGINE, local=False)
    assert (
        assess(remote, V33, IMAGE, 3, Host(1, 1, 1)).obstacles == assess(remote, V33, IMAGE, 3, Host(1, 1, 1)).warnings
    )


def test_cgroup_1_is_fine_for_an_old_kubernetes() -> None:
    assert not assess(replace(ENGINE, cgroup=1), V33, node_image("v1.34.11"), 3, HOST).warnings


@pytest.mark.parametrize(
    ("engine", "host"),
    [
        (ENGINE, replace(HOST, memory=2**30)),
        (replace(ENGINE, local=False, memory=2**30), HOST),
    ],
)
def test_too_little_memory(engine: Engine, host: Host) -> None:
    (obstacle,) = assess(engine, V33, IMAGE, 3, host).obstacles
    assert "1.0 GiB of memory for 3 nodes" in str(obstacle)
    assert "--nodes" in str(obstacle)
    assert not assess(engine, V33, IMAGE, 1, host).obstacles


def test_this_host_can_be_read() -> None:
    host = read_host()
    assert host.instances > 0
    assert host.memory > 2**20


def test_without_kind_no_program_is_run(programs: Any) -> None:
    (obstacle,) = Preflight(IMAGE, 3).issues.obstacles
    assert "install kind v0.33.0 or newer" in str(obstacle)
    assert not programs.calls


def test_a_program_called_kind_that_is_not_kind(docker: Any) -> None:
    docker.says("kind version", "hello\n")
    assert "`kind version` prints 'hello'" in str(Preflight(IMAGE, 3).issues.obstacles[0])
    docker.says("kind version", err="Segmentation fault", code=139)
    assert "Segmentation fault" in str(Preflight(IMAGE, 3).issues.obstacles[0])


def test_an_engine_that_is_down(docker: Any) -> None:
    docker.says("docker info", '{"ID": ""}', err=DOWN, code=1)
    (obstacle,) = Preflight(IMAGE, 3).issues.obstacles
    assert str(obstacle) == f"docker does not answer ({DOWN}); start the engine, such as with `systemctl start docker`"


@pytest.mark.parametrize("output", [DOWN, "permission denied while trying to connect to the docker API"])
def test_an_engine_that_reports_its_failure_as_success(docker: Any, output: str) -> None:
    docker.says("docker info", json.dumps({"ServerErrors": [output]}))
    with pytest.raises(CommandFailed, match="docker does not answer"):
        find_engine()


def test_no_engine(programs: Any) -> None:
    programs.says("kind version", "kind v0.33.0")
    (obstacle,) = Preflight(IMAGE, 3).issues.obstacles
    assert str(obstacle).startswith("docker and podman not found on PATH; install Docker")


def test_the_user_may_choose_the_engine(docker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "podman")
    with pytest.raises(ToolMissing, match="podman not found"):
        find_engine()


def test_podman_answers_for_a_docker_that_is_down(docker: Any) -> None:
    docker.says("docker info", err=DOWN, code=1)
    docker.says("podman info", json.dumps({"host": {"cgroupVersion": "v1", "memTotal": 5, "kernel": "other"}}))
    engine = find_engine()
    assert (engine.program, engine.cgroup, engine.memory, engine.local) == ("podman", 1, 5, False)


def test_podman_may_be_installed_as_docker(programs: Any) -> None:
    facts = {
        "host": {"cgroupVersion": "v2", "memTotal": 5, "kernel": os.uname().release},
        "version": {"Version": "5.4"},
    }
    programs.says("docker info", json.dumps(facts))
    engine = find_engine()
    assert (engine.program, engine.kind_name, engine.version, engine.local) == ("docker", "podman", "5.4", True)
