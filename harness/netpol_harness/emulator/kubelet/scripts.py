"""The programs that a shell script calls. Pure.

This is a reading of the common forms, not a parser of the shell: it decides only whether a script can do its work with
the programs of the host. What it cannot read counts as a program that the host does not have.
"""

import re
import shlex
from collections.abc import Iterator

_SEPARATORS = "();<>|&\n"
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
# fmt: off
_BEFORE_COMMANDS = frozenset(
    {
        "if", "then", "elif", "else", "do", "while", "until", "!", "{", "time", "exec", "command", "nohup", "env",
        "eval"
    }
)
"""Words after which a command follows."""

_WITHOUT_COMMAND = frozenset({"for", "case", "select", "in", "function", "fi", "done", "esac", "}"})
"""Other words of the shell, whose next words are not commands."""

BUILT_IN = frozenset(
    {
        ":", ".", "[", "[[", "break", "cd", "continue", "echo", "exit", "export", "false", "getopts", "hash", "kill",
        "let", "local", "printf", "pwd", "read", "readonly", "return", "set", "shift", "test", "trap", "true", "type",
        "ulimit", "umask", "unset", "wait"
    }
)
"""Commands of the shell itself."""
# fmt: on

UNREADABLE = ""
"""Stands for what cannot be read."""


def programs(script: str) -> frozenset[str]:
    """Return the names of the programs that a script calls, without their folders and without ``BUILT_IN``."""
    try:
        return frozenset(word.rpartition("/")[2] for word in _commands(script)) - BUILT_IN
    except ValueError:  # a quotation that does not end
        return frozenset({UNREADABLE})


def only_command(script: str) -> tuple[str, ...]:
    """Return the words of the one program that a script calls; empty for any other script."""
    lexer = _lexer(script)
    try:
        words = tuple(lexer)
    except ValueError:  # a quotation that does not end
        return ()
    words = words[1:] if words[:1] == ("exec",) else words
    return () if any(set(word) <= {*_SEPARATORS} for word in words) else words


def _lexer(script: str) -> shlex.shlex:
    lexer = shlex.shlex(script, posix=True, punctuation_chars=_SEPARATORS)
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    return lexer


def _commands(script: str) -> Iterator[str]:
    expected, redirected = True, False
    for token in _lexer(script):
        if set(token) <= {*_SEPARATORS}:
            redirected = token[-1] in "<>" or token in (">&", "<&")
            expected = not redirected and token[-1] != ")"
        elif redirected:
            redirected = False
        elif expected and not _ASSIGNMENT.match(token) and token not in _BEFORE_COMMANDS:
            expected = False
            if token not in _WITHOUT_COMMAND and not token.isdecimal():  # the number of a descriptor
                yield token
