"""Names and texts of a scenario do nothing to the terminal that they are shown on."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

FOLDER = "e\x1b[2Jv\u202ei\x9bl"
SHOWN = r"e\x1b[2Jv\u202ei\x9bl"


def clean(result: pytest.RunResult) -> str:
    text = result.stdout.str() + result.stderr.str()
    assert not [c for c in text if not (c.isprintable() or c == "\n")]
    assert "\\x1b[2J" in text
    return text


def test_a_failure_in_a_folder_with_control_characters_in_its_name(demo: "Demo") -> None:
    scenario = demo.scenario.replace("client -> front:80: allowed", "client -> front:80: blocked")
    demo.write(scenario.replace("two pods", '"two \\e[31mpods"'), name=FOLDER)
    text = clean(demo.run("-rA", "."))
    assert f"FAILED {SHOWN}/scenario.yaml::open::client -> front:80" in text
    assert f"truth table of {SHOWN}/scenario.yaml::open" in text


def test_what_is_wrong_with_files_of_such_names(demo: "Demo") -> None:
    demo.write('title: x\nworkloads: ["\\e[1m\\nscenario.yaml:1:1: fine"]\nsteps: []\nrequires: ["\\e"]', name=FOLDER)
    text = clean(demo.run("."))
    assert f"{SHOWN}/scenario.yaml:2:13: '\\x1b[1m\\nscenario.yaml:1:1: fine' matches no file" in text
