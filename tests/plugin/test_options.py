"""Options: one table for the command line, the environment, pytest's configuration file and README.md."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netpol_harness.oracle.profiles import PROFILES
from netpol_harness.plugin import options

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

README = (Path(__file__).parents[2] / "README.md").read_text()
TAKEN = """\
def pytest_addoption(parser):
    parser.addoption("--cluster", action="store_true")
    parser.addoption("--profile", action="store_true")
"""
Parse = Callable[..., pytest.Config]
BY_NAME = {option.name: option for option in options.OPTIONS}
NODES, OFFLINE, NAMESPACE = BY_NAME["nodes"], BY_NAME["offline"], BY_NAME["namespace"]
PRODUCTION_PATTERN = BY_NAME["production-pattern"]


@pytest.fixture
def parse(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Parse:
    """The configuration that a command line gives in the test's own folder, of this process but without its plugins."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return lambda *arguments: pytester.parseconfig("-p", "netpol_harness.plugin", *arguments)


def test_the_command_line_goes_before_the_environment_and_that_before_the_file(
    pytester: pytest.Pytester, parse: Parse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(*arguments: str) -> tuple[object, ...]:
        config = parse(*arguments)
        return NODES.of(config), OFFLINE.of(config), NAMESPACE.of(config)

    assert said() == (3, False, ())
    pytester.makeini("[pytest]\nnetpol_nodes = 2\nnetpol_offline = true\nnetpol_namespace =\n  a\n  b=c\n")
    assert said() == (2, True, (("default", "a"), ("b", "c")))
    monkeypatch.setenv("NETPOL_NODES", "4")
    monkeypatch.setenv("NETPOL_OFFLINE", "no")
    monkeypatch.setenv("NETPOL_NAMESPACE", "x y=z")
    assert said() == (4, False, (("default", "x"), ("y", "z")))
    typed = ("--netpol-nodes", "5", "--netpol-offline", "--netpol-namespace", "mine", "--namespace", "a=b")
    assert said(*typed) == (5, True, (("default", "mine"), ("a", "b")))


def test_a_file_may_be_toml_and_its_folder_is_where_its_paths_start(pytester: pytest.Pytester, parse: Parse) -> None:
    (pytester.path / "pytest.toml").write_text(
        '[pytest]\nnetpol_nodes = 2\nnetpol_probe_timeout = 1\nnetpol_offline = true\nnetpol_report_dir = "out"\n'
        'netpol_production_patterns = ["a b", "c"]\n'
    )
    config = parse(str(pytester.mkdir("below")))
    assert NODES.of(config) == 2
    assert options.PROBE_TIMEOUT.of(config) == 1.0
    assert OFFLINE.of(config)
    assert options.REPORT_DIR.of(config) == pytester.path / "out"
    assert PRODUCTION_PATTERN.of(config) == ("a b", "c")


@pytest.mark.parametrize(
    ("variables", "ini", "arguments", "message"),
    [
        ({}, "", ["--netpol-nodes", "x"], "--netpol-nodes x: not a positive whole number; give 1 or more"),
        ({}, "", ["--nodes", "-1"], "--netpol-nodes -1: not a positive whole number; give 1 or more"),
        (
            {"NETPOL_NODES": "0"},
            "",
            [],
            "variable NETPOL_NODES: 0: not a positive whole number; give 1 or more",
        ),
        (
            {"NETPOL_OFFLINE": "perhaps"},
            "",
            [],
            "variable NETPOL_OFFLINE: perhaps: not a truth value; give true",
        ),
        ({"NETPOL_PROBE_TOOL": "telnet"}, "", [], "NETPOL_PROBE_TOOL: telnet: not a valid value; give one of curl, nc"),
        ({}, "netpol_profile = calicoo", [], "tox.ini: netpol_profile: calicoo: there is no profile"),
        (
            {},
            "netpol_nodes = many",
            [],
            "tox.ini: netpol_nodes: invalid literal for int() with base 10: 'many'; give a",
        ),
        (
            {},
            "netpol_offline = perhaps",
            [],
            "tox.ini: netpol_offline: invalid truth value 'perhaps'; give true or false",
        ),
        ({}, "netpol_probe_timeout = inf", [], "tox.ini: netpol_probe_timeout: inf: not a positive number of seconds"),
    ],
)
def test_a_bad_value_is_a_usage_error_that_says_where_it_stands_and_what_is_valid(
    pytester: pytest.Pytester,
    parse: Parse,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    ini: str,
    arguments: list[str],
    message: str,
) -> None:
    pytester.makeini(f"[pytest]\n{ini}\n")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(pytest.UsageError, match=re.escape(message)):
        options.check(parse(*arguments))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a-file", "Not a directory"),
        ("a-file/x/y", "Not a directory"),
        ("nowhere-link", "No such file or directory"),
        ("/proc/x", "No such file or directory"),
    ],
)
def test_a_report_folder_that_cannot_be_written_to_is_a_usage_error_at_start(
    pytester: pytest.Pytester, parse: Parse, text: str, reason: str
) -> None:
    (pytester.path / "a-file").touch()
    (pytester.path / "nowhere-link").symlink_to("nowhere")
    with pytest.raises(pytest.UsageError) as caught:
        options.REPORT_DIR.of(parse("--netpol-report-dir", text))
    ending = f"not writable ({reason}); give a folder that you may write to"
    assert str(caught.value).endswith(ending)


def test_a_report_folder_is_not_made_before_there_is_a_report(pytester: pytest.Pytester, parse: Parse) -> None:
    (pytester.path / "old").mkdir()
    for text in ("old", "old/new/newer"):
        assert options.REPORT_DIR.of(parse("--netpol-report-dir", text)) == pytester.path / text
    assert list((pytester.path / "old").iterdir()) == []


def test_short_names_work_where_they_are_free(parse: Parse) -> None:
    config = parse("--cluster", "embedded", "--nodes=2", "--offline", "--profile", "calico")
    assert options.CLUSTER.of(config) == "embedded"
    assert NODES.of(config) == 2
    assert OFFLINE.of(config)
    assert options.PROFILE.of(config) == "calico"


@pytest.mark.parametrize(
    "plugins",
    [("-p", "theirs", "-p", "netpol_harness.plugin"), ("-p", "netpol_harness.plugin", "-p", "theirs"), ()],
    ids=["they load first", "they load last", "their conftest.py"],
)
def test_a_short_name_that_somebody_else_has_is_theirs(
    pytester: pytest.Pytester, plugins: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(**{"theirs" if plugins else "conftest": TAKEN})
    pytester.syspathinsert()
    arguments = ["--cluster", "--profile", "--nodes", "2", "--netpol-cluster", "embedded"]
    config = pytester.parseconfig(*(plugins or ("-p", "netpol_harness.plugin")), *arguments)
    assert (config.option.cluster, config.option.profile) == (True, True)
    assert options.CLUSTER.of(config) == "embedded"
    assert options.PROFILE.of(config) == "specification"
    assert NODES.of(config) == 2


def test_the_value_of_a_short_name_is_not_taken_for_a_folder_of_tests(pytester: pytest.Pytester, parse: Parse) -> None:
    pytester.makeini("[pytest]\ntestpaths = tests\n")
    (pytester.mkdir("tests") / "conftest.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--mine')\n"
    )
    assert parse("--netpol-nodes=1", "--cluster", "embedded", "--mine", "x").option.mine == "x"


def test_a_conftest_may_load_the_plugin(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest("pytest_plugins = ['netpol_harness.plugin']\n")
    assert NODES.of(pytester.parseconfig("--nodes", "2")) == 2


def test_the_help_tells_every_name(demo: "Demo") -> None:
    told = demo.run("--help").stdout.str()
    for option in options.OPTIONS:
        assert re.search(rf"{option.long}\b", told)
        assert re.search(rf"  {option.short}\b", told)
        assert re.search(rf"\b{option.key} \(", told)
    assert all(name in options.PROFILE.help for name in PROFILES)


def test_the_readme_lists_exactly_the_options_that_there_are() -> None:
    rows = re.findall(r"^\| `(--netpol-[a-z-]+)", README, re.MULTILINE)
    assert sorted(rows) == sorted(option.long for option in options.OPTIONS)
