import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import COMMANDS, main

THREE_TIER = str(Path(__file__).parents[2] / "scenarios" / "three_tier")


def test_every_command_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    told = capsys.readouterr().out
    assert all(f"    {name}" in told for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    assert f"usage: netpol {name}" in capsys.readouterr().out


def test_a_command_does_not_load_another() -> None:
    program = "import sys; from harness.cli import main; main(sys.argv[1:]); sys.exit('kubernetes' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program, "table", THREE_TIER], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["table", "nowhere"], "there is no scenario at nowhere; name a directory that holds a scenario.yaml"),
        (["table", THREE_TIER, "--step", "with-dn"], "three_tier has no step 'with-dn'; did you mean with-dns?"),
        (["coverage", THREE_TIER, "--profile", "calic"], "there is no profile 'calic'; did you mean calico?"),
        (["explain", THREE_TIER, "web-pod db-pod"], "'web-pod db-pod' is not a path; write it as SOURCE -> TARGET"),
        (["explain", THREE_TIER, "web -> db-pod:3306"], "there is no workload called 'web'; did you mean web-pod?"),
        (["explain", THREE_TIER, "any -> db-pod:3306"], "'any -> db-pod:3306' is several paths; name one source"),
    ],
)
def test_bad_input_gives_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"netpol: {said}")
