import os
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import pytest

from netpol_harness.cli import COMMANDS, main

THREE_TIER = str(Path(__file__).parents[2] / "scenarios" / "three_tier")


def test_every_command_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    output = capsys.readouterr().out
    assert all(f"    {name}" in output for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    assert f"usage: netpol {name}" in capsys.readouterr().out


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"netpol {version('netpol-harness')}\n"


def test_a_command_does_not_load_another() -> None:
    program = (
        "import sys; from netpol_harness.cli import main; main(sys.argv[1:]); sys.exit('kubernetes' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, "table", THREE_TIER], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["table", "nowhere"],
            "there is no scenario and no manifest at nowhere; give a directory with a scenario.yaml, or manifests",
        ),
        (["table", THREE_TIER, "--step", "with-dn"], "three_tier has no step 'with-dn'; did you mean with-dns?"),
        (["coverage", THREE_TIER, "--profile", "calic"], "there is no profile 'calic'; did you mean calico?"),
        (["explain", THREE_TIER, "web-pod db-pod"], "'web-pod db-pod' is not a path; write it as SOURCE -> TARGET"),
        (["explain", THREE_TIER, "web -> db-pod:3306"], "there is no workload called 'web'; did you mean web-pod?"),
        (["explain", THREE_TIER, "any -> db-pod:3306"], "'any -> db-pod:3306' is several paths; name one source"),
    ],
)
def test_bad_input_gives_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"netpol: {message}")


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with files and folders that are not scenarios."""
    monkeypatch.chdir(tmp_path)
    for folder in ("empty", "binary", "folder/scenario.yaml"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "binary/scenario.yaml").write_bytes(bytes(range(256)) * 9)
    (tmp_path / "file").write_bytes(bytes(range(256)))
    os.mkfifo(tmp_path / "fifo")
    return tmp_path


ODD = ["missing", "empty", "file/x", "fifo", "x\x1b[1m", "\udcff", "a" * 5000, ""]
UNREADABLE = ["binary", "folder", "file", "/dev/zero"]  # which `netpol mutants` runs, and so finds out


@pytest.mark.parametrize(
    ("command", "place"),
    [
        *((command, place) for command in ("table", "coverage", "explain") for place in ODD + UNREADABLE),
        *(("mutants", place) for place in ODD),
    ],
    ids=lambda text: ascii(text[:20]),
)
def test_what_is_not_a_scenario_gives_a_message_and_an_exit_code(
    odd: Path, command: str, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = ["a -> b:80"] if command == "explain" else []
    with suppress(SystemExit):
        assert main([command, place, *path]) == 2
    output = capsys.readouterr().err
    assert output.rstrip().splitlines()[-1].startswith("netpol: " if place else f"netpol {command}: error: ")
    assert "\x1b" not in output


@pytest.mark.parametrize(
    "arguments",
    [
        ["gc", "--older-than", "nan"],
        ["gc", "--older-than", "1e300"],
        ["gc", "--older-than", "-5"],
        ["mutants", "--jobs", "0"],
        ["mutants", "--jobs", "-3"],
        ["mutants", "--jobs", "9" * 5000],
        ["catalogue", ""],
    ],
)
def test_numbers_and_names_that_mean_nothing_are_usage_errors(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "; give " in capsys.readouterr().err


@pytest.mark.parametrize("file", ["file/x/page.md", "/proc/x/page.md", "empty"])
def test_a_page_that_cannot_be_written_is_an_error_before_anything_is_measured(
    odd: Path, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mutants", THREE_TIER, "--write", file]) == 2
    assert capsys.readouterr().err.startswith(
        f"netpol: {'/proc/x' if 'proc' in file else file.removesuffix('/page.md')}"
    )


def test_a_catalogue_leaves_files_alone_that_it_cannot_read(odd: Path) -> None:
    assert main(["catalogue", "."]) == 0
    assert (odd / "binary/scenario.yaml").is_file()


def test_a_reader_that_closes_the_pipe_gives_no_traceback() -> None:
    command = f"{sys.executable} -m netpol_harness.cli mutants --list | true"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
