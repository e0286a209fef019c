from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.demo import Demo


def test_each_path_is_an_item_under_its_step(demo: "Demo") -> None:
    result = demo.run("--collect-only", "-q", "demo")
    result.stdout.fnmatch_lines(
        [
            "demo/scenario.yaml::open::client -> front:80",
            "demo/scenario.yaml::open::client -> http://front:80",
            "demo/scenario.yaml::closed::client -> ip(front):80",
            "demo/scenario.yaml::closed::others",
        ]
    )
    assert demo.left() == []


def test_all_that_is_wrong_with_a_file_is_told_at_once_without_a_traceback(demo: "Demo") -> None:
    demo.write("title: x\nworkloads: [nothing.yaml]\nsteps:\n  - {name: a, polices: [], paths: {a -> b: open}}\n")
    result = demo.run("demo")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    text = result.stdout.str()
    for place in ("demo/scenario.yaml:2:13: ", "demo/scenario.yaml:4:15: ", "demo/scenario.yaml:4:44: "):
        assert place in text
    assert "did you mean policies?" in text
    assert "Traceback" not in text
    assert demo.left() == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--cluster", "moon"], "no such backend"),
        (
            ["--cluster", "embedded", "--cni", "calico", "--offline"],
            "--netpol-cni, --netpol-offline: for --netpol-cluster kind alone",
        ),
        (["--cluster", "embedded", "--namespace", "team"], "--netpol-namespace: for --netpol-cluster kubeconfig alone"),
        (["--cluster", "kubeconfig", "--namespace", "=team"], "maps nothing"),
        (["--nodes", "0"], "give 1 or more"),
        (["--probe-timeout", "-1"], "give a number above 0"),
        (["--probe-timeout", "soon"], "--netpol-probe-timeout soon: not a positive number of seconds"),
        (["--probe-concurrency", "0"], "give 1 or more"),
        (["--probe-tool", "telnet"], "give one of curl, nc, agnhost"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(demo: "Demo", arguments: list[str], said: str) -> None:
    result = demo.run(*arguments, "demo")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said in result.stderr.str() + result.stdout.str()


def test_the_options_are_one_group_of_the_help(demo: "Demo") -> None:
    text = demo.run("--help").stdout.str()
    group = text[text.index("NetworkPolicy connectivity tests") :]
    for option in ("--cluster", "--probe-timeout", "--settle-deadline", "--probe-concurrency", "--probe-tool"):
        assert option in group


def test_a_closed_world_without_cells_is_no_test(demo: "Demo") -> None:
    lonely = "{apiVersion: v1, kind: Pod, metadata: {name: lonely}, spec: {containers: [{name: c, image: i}]}}"
    head = "title: x\nworkloads: [workloads.yaml]\nexternal: {user: {ports: [80]}}\n"
    step = head + "steps:\n  - name: a\n    others: blocked\n"
    demo.write(step + "    paths: {lonely -> user:80: allowed}\n", lonely)
    assert "others" not in demo.run("--collect-only", "-q", "demo").stdout.str()
    demo.write(step, lonely)
    result = demo.run("demo")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert "has no path" in result.stdout.str()
