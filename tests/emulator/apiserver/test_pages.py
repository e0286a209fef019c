"""Health and version."""

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/healthz", "ok"),
        ("/readyz/ping", "ok"),
        ("/livez?verbose", "[+]ping ok\n[+]store ok\nlivez check passed\n"),
        ("/readyz?verbose=1", "[+]ping ok\n[+]store ok\nreadyz check passed\n"),
    ],
)
def test_health(served: Any, path: str, text: str) -> None:
    answer = served.ask("GET", path, headers={"Authorization": ""})
    assert (answer.code, answer.body) == (200, text)


@pytest.mark.parametrize(("path", "code"), [("/livez/nonsense", 404), ("/healthzfoo", 401)])
def test_unknown_checks(served: Any, path: str, code: int) -> None:
    assert served.ask("GET", path, headers={"Authorization": ""}).code == code


def test_every_field_of_the_version_is_a_text(served: Any) -> None:
    version = served.ask("GET", "/version").body
    assert (version["major"], version["minor"]) == ("1", "37")
    assert version.keys() == {
        *("major", "minor", "emulationMajor", "emulationMinor", "minCompatibilityMajor", "minCompatibilityMinor"),
        *("gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"),
    }
    assert all(isinstance(value, str) for value in version.values())
