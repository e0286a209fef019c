"""Tests in Python that use the fixtures: what a failed assertion shows."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

TESTS = """\
from netpol_harness import Judgement

def test_equal(scenario, probe):
    scenario.enter("open")
    assert probe("client -> front:80") == "blocked"

def test_judgement(scenario, probe):
    assert probe("client -> server:80", "blocked").judgement is Judgement.AGREES

def test_check(probe):
    probe("client -> server:80", "blocked").check()

def test_cells(truth_table):
    assert truth_table("blocked").wrong == ()

def test_table(truth_table):
    assert truth_table() == "blocked"

def test_something_else(probe):
    assert probe("client -> front:80") == "allowed"
    assert 1 == 2
"""
SECTION = "* netpol: what was observed, and why *"


@pytest.mark.live
def test_an_assertion_that_fails_tells_the_whole_story(demo: "Demo", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    (demo.pytester.path / "demo" / "test_it.py").write_text(TESTS)
    result = demo.run("demo/test_it.py", "--settle-deadline", "0.5")
    result.assert_outcomes(failed=6)
    reasons = ["  ingress    no policy in force isolates server for ingress*", "  oracle     allowed, as observed: *"]
    repeat = "  repeat     kubectl * exec client -- *80"
    result.stdout.fnmatch_lines(
        [
            '>       assert probe("client -> front:80") == "blocked"',
            "E       assert client -> front:80: expected blocked, observed CONNECTED",
            SECTION,
            "  expected   blocked  (demo/test_it.py:5, step open)",
            *reasons,
            repeat,
            ">       assert probe(*).judgement is Judgement.AGREES",
            SECTION,
            "client -> server:80: expected blocked, observed CONNECTED",
            *reasons,
            repeat,
            '>       probe("client -> server:80", "blocked").check()',
            "E       AssertionError: client -> server:80: expected blocked, observed CONNECTED",
            *(f"E       {line}" for line in reasons),
            f"E       {repeat}",
            '>       assert truth_table("blocked").wrong == ()',
            "E       assert 2 of 2 cells are not blocked",
            SECTION,
            "  client -> server:80: expected blocked, observed CONNECTED",
            "  repeat *",
            '>       assert truth_table() == "blocked"',
            "E       assert truth table: 2 of 2 cells are not blocked",
            SECTION,
            ">       assert 1 == 2",
        ]
    )
    told = result.stdout.str()
    assert told.count("netpol: what was observed, and why") == 4
    assert "harness/netpol_harness/plugin" not in told


@pytest.mark.live
def test_what_is_seen_is_compared_with_words_and_is_no_truth_by_itself(demo: "Demo") -> None:
    (demo.pytester.path / "demo" / "test_it.py").write_text(
        "import pytest\n"
        "\n"
        "def test_it(scenario, probe, truth_table):\n"
        "    scenario.enter('open')\n"
        "    seen = probe('client -> front:80')\n"
        "    assert seen == 'allowed'\n"
        "    assert truth_table() == 'allowed'\n"
        "    for act in (lambda: not seen, lambda: seen != 'blocked', lambda: bool(truth_table())):\n"
        "        with pytest.raises(TypeError, match='== '):\n"
        "            act()\n"
        "    with pytest.raises(ValueError, match='allowed'):\n"
        "        seen == 'alowed'\n"
        "    scenario.enter('closed')\n"
        "    assert seen == 'allowed'  # it is still what was seen in the step before\n"
        "    assert probe('client -> ip(front):80') == 'blocked'\n"
        "    assert truth_table().cells['client', 'server:80'] == 'blocked'\n"
        "    assert truth_table().cells['client', 'server:80'].blocked\n"
    )
    demo.run("demo/test_it.py").assert_outcomes(passed=1)


@pytest.mark.live
def test_an_error_in_a_test_is_shown_where_the_test_makes_it(demo: "Demo") -> None:
    (demo.pytester.path / "demo" / "test_it.py").write_text(
        "def test_path(probe):\n"
        "    probe('client -> frnt:80')\n"
        "\n"
        "def test_step(scenario):\n"
        "    scenario.enter('opne')\n"
        "\n"
        "def test_mode(probe):\n"
        "    probe('first client -> front:80')\n"
    )
    result = demo.run("demo/test_it.py")
    result.assert_outcomes(failed=3)
    told = result.stdout.str()
    assert "did you mean front" in told
    assert "it has open, closed" in told
    assert "netpol_harness/" not in told


@pytest.mark.live
def test_a_verdict_is_an_attribute_of_what_was_probed(demo: "Demo") -> None:
    deny = demo.pytester.path / "demo" / "deny.yaml"
    deny.write_text(deny.read_text().replace("[Ingress]", "[Ingress, Egress]"))
    (demo.pytester.path / "demo" / "test_it.py").write_text(
        "from netpol_harness import PathProbe, ScenarioRun\n"
        "\n"
        "def test_it(scenario: ScenarioRun, probe: PathProbe) -> None:\n"
        "    scenario.enter('open')\n"
        "    seen = probe('client -> front:80')\n"
        "    assert seen.allowed\n"
        "    scenario.enter('closed')\n"
        "    assert seen.allowed  # still the result of the step before\n"
        "    assert probe('client -> ip(front):80').blocked\n"
        "    assert probe('client -> ip(front):80').dropped\n"
        "    assert probe('client -> front:80').unresolved\n"
    )
    demo.run("demo/test_it.py").assert_outcomes(passed=1)


@pytest.mark.live
def test_a_verdict_that_fails_shows_the_evidence_and_no_negation_passes(demo: "Demo") -> None:
    (demo.pytester.path / "demo" / "test_it.py").write_text(
        "def test_blocked(scenario, probe):\n"
        "    scenario.enter('open')\n"
        "    assert probe('client -> front:80').blocked\n"
        "\n"
        "def test_rejected(probe):\n"
        "    assert probe('client -> front:80').rejected\n"
        "\n"
        "def test_not_blocked(probe):\n"
        "    assert not probe('client -> front:80').blocked\n"
        "\n"
        "def test_not_allowed(probe):\n"
        "    assert not probe('client -> front:80').allowed\n"
    )
    result = demo.run("demo/test_it.py", "--settle-deadline", "0.5")
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(
        [
            ">       assert probe('client -> front:80').blocked",
            "E       AssertionError: client -> front:80: expected blocked, observed CONNECTED",
            "E         expected   blocked  (demo/test_it.py:3, step open)",
            "E         evidence   * attempts with nc *",
            "E         repeat     kubectl * exec client -- *80",
            "E       AssertionError: client -> front:80: expected rejected, observed CONNECTED",
            ">       assert not probe('client -> front:80').blocked",
            "E       AssertionError: client -> front:80: expected blocked, observed CONNECTED",
            ">       assert not probe('client -> front:80').allowed",
            "E       AssertionError: assert not True",
        ]
    )
    assert "netpol_harness/plugin" not in result.stdout.str()


@pytest.mark.live
def test_on_a_broken_lab_no_verdict_and_no_negation_passes(demo: "Demo") -> None:
    """The server of port 80 is dead: silence after a deny, and a refusal without one, prove nothing."""
    demo.edit("name: server,", "name: server, annotations: {netpol-harness/dead-ports: '80'},", of=demo.workloads)
    (demo.pytester.path / "demo" / "test_it.py").write_text(
        "import pytest\n"
        "from netpol_harness import Unproven\n"
        "\n"
        "@pytest.mark.parametrize('step', ['open', 'closed'])\n"
        "def test_it(scenario, probe, step):\n"
        "    scenario.enter(step)\n"
        "    for verdict in ('allowed', 'blocked', 'dropped', 'rejected'):\n"
        "        with pytest.raises(Unproven, match='was not seen alive'):\n"
        "            assert not getattr(probe('client -> ip(front):80'), verdict)\n"
        "    assert probe('client -> ip(front):80').blocked\n"
    )
    result = demo.run("demo/test_it.py", "--settle-deadline", "0.5")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            ">       assert probe('client -> ip(front):80').blocked",
            "E       netpol_harness.errors.Unproven: client -> ip(front):80: UNPROVEN: *",
            "E         proof      listener probed inside its own pod: REFUSED*",
        ]
    )
    assert "netpol_harness/plugin" not in result.stdout.str()


@pytest.mark.live
def test_a_test_that_needs_a_missing_capability_is_skipped(demo: "Demo") -> None:
    (demo.pytester.path / "demo" / "test_it.py").write_text(
        "def test_it(scenario):\n"
        "    scenario.recreate_namespace('default')\n"
        "\n"
        "def test_unknown(scenario):\n"
        "    scenario.recreate_namespace('defualt')\n"
    )
    result = demo.run("-rs", "--literal-namespaces", "demo/test_it.py")
    result.assert_outcomes(skipped=1, failed=1)
    assert "this backend has no namespaces of its own" in result.stdout.str()
