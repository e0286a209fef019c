"""The commands that the pages for readers show: their options exist, and those that need no cluster run."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXTS = [page.read_text() for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md")))]
BLOCKS = [block for text in TEXTS for block in re.findall(r"^```console\n(.*?)^```$", text, re.M | re.S)]
SHOWN = [line[2:] for block in BLOCKS for line in block.splitlines() if line.startswith("$ ")]
"""Commands in fenced blocks, as a reader would type them."""
INLINE_COMMAND = re.compile(r"`((?:\w+=\S+ )?(?:netpol|pytest|python|make) [^`]+)`")
INLINE = [command for text in TEXTS for command in INLINE_COMMAND.findall(text)]
"""Commands in sentences, where capitals stand for something."""
QUICK = re.compile(r"(\.venv/bin/)?netpol (explain|table|coverage) ")
"""Commands that need no cluster and take a moment."""
CAPTURED = "captured"
"""The directory that a shown command writes; tests/cli/test_capture.py runs the commands about it."""
EVERYTHING = ("scenarios", "tests")
"""Folders that are too large to collect here."""


def words(command: str) -> list[str]:
    """The words of a command, without variables before it, a comment after it and the folder of its program."""
    found = shlex.split(command, comments=True)
    while "=" in found[0]:
        found = found[1:]
    return [found[0].removeprefix(".venv/bin/"), *found[1:]]


def run(*arguments: str) -> str:
    """The output of a Python program, which must succeed."""
    environment = {**os.environ, "COLUMNS": "120"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@cache
def options(*program: str) -> frozenset[str]:
    """The long options that a program's ``--help`` lists."""
    return frozenset(re.findall(r"--[a-z][a-z-]*", run("-m", *program, "--help")))


def long_options(arguments: list[str]) -> set[str]:
    """The options among the arguments."""
    return {argument for argument in arguments if argument.startswith("--")}


def check_pytest(arguments: list[str]) -> None:
    """Paths exist; what is not too large is collected, with all the options."""
    assert long_options(arguments) <= options("pytest")
    named = [argument for argument in arguments if argument.startswith(EVERYTHING)]
    assert all((ROOT / name).exists() for name in named)
    if named and not set(named) & set(EVERYTHING):
        run("-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *arguments)


def check_netpol(arguments: list[str]) -> None:
    """The command and its options exist."""
    assert long_options(arguments) <= options("netpol_harness.cli", arguments[0])


def check_python(arguments: list[str]) -> None:
    """The module or the file exists, and takes the options."""
    module = arguments[arguments.index("-m") + 1] if "-m" in arguments else ""
    assert find_spec(module) if module else (ROOT / arguments[0]).is_file()
    used = long_options(arguments)
    assert not used or used <= options(module)


def check_make(arguments: list[str]) -> None:
    """The target exists."""
    assert re.search(rf"^{arguments[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def check_setup(arguments: list[str]) -> None:
    """The words are those that the script takes."""
    usage = re.findall(r"\[(\w+)\]", (ROOT / "setup.sh").read_text())
    assert set(arguments) <= set(usage)


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "pytest": check_pytest,
    "netpol": check_netpol,
    "python": check_python,
    "make": check_make,
    "./setup.sh": check_setup,
}


@pytest.mark.parametrize("command", dict.fromkeys([*SHOWN, *INLINE]))
def test_a_command_and_its_options_exist(command: str) -> None:
    program, *arguments = words(command)
    CHECKS[program](arguments)


@pytest.mark.parametrize("command", [c for c in SHOWN if QUICK.match(c) and CAPTURED not in c.split()])
def test_a_command_that_needs_no_cluster_runs(command: str) -> None:
    assert run("-m", "netpol_harness.cli", *words(command)[1:])


@pytest.mark.parametrize("name", ["explain", "table"])
def test_the_output_that_is_shown_is_what_the_command_prints(name: str) -> None:
    blocks = "".join(BLOCKS)
    (command, shown), *_ = re.findall(rf"^\$ (netpol {name} [^\n]*)\n(.*?)(?=^\$ |\Z)", blocks, re.M | re.S)
    printed = run("-m", "netpol_harness.cli", *words(command)[1:])
    assert shown.split() == printed.split()
