"""Running programs of the host."""

import os
import sys
import threading
from pathlib import Path

import pytest

from netpol_harness.backends.runs.command import CommandFailed, run
from netpol_harness.deadline import Deadline, Interrupted, interruptible
from netpol_harness.errors import ClusterFailed, ToolMissing


def python(program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-SE", "-c", program, *arguments]


def test_a_result_has_exit_code_and_all_output() -> None:
    program = "import os, sys; print(sys.stdin.read() + os.environ['X']); print('bad', file=sys.stderr); sys.exit(3)"
    result = run(python(program), deadline=Deadline(20), input=b"in", environment={"X": "out"})
    assert (result.exit_code, result.text, result.error_text, result.ok) == (3, "inout\n", "bad\n", False)


def test_input_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "input"
    file.write_bytes(b"x" * 300_000)
    result = run(python("import sys; print(len(sys.stdin.read()))"), deadline=Deadline(20), input=file)
    assert result.text == "300000\n"
    with pytest.raises(ClusterFailed, match="cannot be read: No such file"):
        run(python(""), deadline=Deadline(20), input=tmp_path / "missing")


def test_much_output_and_input_that_is_not_read() -> None:
    program = "import sys; sys.stdout.write('a' * 500_000); sys.stderr.write('b' * 500_000)"
    result = run(python(program), deadline=Deadline(20), input=b"x" * 500_000)
    assert (len(result.stdout), len(result.stderr)) == (500_000, 500_000)


def test_error_lines_arrive_one_by_one() -> None:
    lines: list[str] = []
    run(python("import sys; print('a\\nb', file=sys.stderr)"), deadline=Deadline(20), on_error_line=lines.append)
    assert lines == ["a", "b"]


def test_the_deadline_ends_it() -> None:
    result = run(python("import time; print('on', flush=True); time.sleep(60)"), deadline=Deadline(1.5))
    assert (result.exit_code, result.stdout) == (None, b"on\n")
    with pytest.raises(CommandFailed, match=r"it failed \(it did not end in time\); do"):
        result.or_fail("it failed", "do")


def test_an_interruption_kills_the_program(tmp_path: Path) -> None:
    stop, note = threading.Event(), tmp_path / "pid"
    stop.set()
    program = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    with interruptible(stop), pytest.raises(Interrupted):
        run(python(program), deadline=Deadline(20))
    assert not note.exists() or not Path(f"/proc/{note.read_text() or 0}").exists()


def test_failures_say_what_to_do() -> None:
    result = run(python("import sys; sys.exit('no\\nsuch thing')"), deadline=Deadline(20))
    with pytest.raises(CommandFailed) as caught:
        result.or_fail("it failed", "do this")
    error = caught.value
    assert (error.problem, error.output, error.remedy) == ("it failed (exit code 1)", "no\nsuch thing", "do this")
    assert str(error).startswith("it failed (exit code 1); do this\n  no\n  such thing\n  command: ")


def test_a_program_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match="nosuch is not installed"):
        run(["nosuch"], deadline=Deadline(1))
    with pytest.raises(ToolMissing, match="cannot be run: Permission denied"):
        run([str(tmp_path)], deadline=Deadline(1))


def test_a_new_session_is_out_of_reach_of_the_terminal() -> None:
    program = "import os; print(os.getsid(0))"
    ours = str(os.getsid(0))
    assert run(python(program), deadline=Deadline(20)).text.strip() == ours
    assert run(python(program), deadline=Deadline(20), new_session=True).text.strip() != ours
