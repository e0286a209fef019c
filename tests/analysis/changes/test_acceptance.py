import pytest

from netpol_harness.analysis.changes.acceptance import parse_accepted
from netpol_harness.analysis.changes.change import Effect
from netpol_harness.errors import ScenarioInvalid
from tests.analysis.changes.test_groups import change


def test_a_line_accepts_its_change_only() -> None:
    (line,) = parse_accepted("opened: web -> db:80\n", "accepted.txt")
    assert line.where == "accepted.txt:1"
    assert line.accepts(change("web", "db"))
    assert not line.accepts(change("web", "db2"))
    assert not line.accepts(change("web", "db", effect=Effect.CLOSED))


def test_stars_stand_for_any_text_and_comments_are_left_out() -> None:
    lines = parse_accepted("# all of prometheus\n\n*: prometheus -> *:80  # scraping\n", "f")
    assert [line.where for line in lines] == ["f:3"]
    assert lines[0].accepts(change("prometheus", "anything"))
    assert not lines[0].accepts(change("grafana", "anything"))


def test_brackets_of_addresses_are_meant_literally() -> None:
    (line,) = parse_accepted("opened: web -> [2001:db8::1]", "f")
    assert line.accepts(change("web", "x")) is False
    (whole,) = parse_accepted("opened: web -> [x]:80", "f")
    assert whole.accepts(change("web", "[x]"))


def test_all_problems_are_told_with_their_places() -> None:
    with pytest.raises(ScenarioInvalid) as failure:
        parse_accepted("open: a -> b:80\nopened a -> b:80\nopened: a b:80\n", "f")
    told = str(failure.value)
    assert "f:1:1: 'open' is not an effect; did you mean opened?" in told
    assert "f:2:1: 'opened a -> b:80' is not a change; write EFFECT: SOURCE -> TARGET" in told
    assert "f:3:1" in told
