"""Output of the commands, escaped for a terminal: it may quote names of files, pods and policies."""

import sys

from netpol_harness.escape import escaped


def print_text(text: str) -> None:
    """Write to standard output; no newline is added."""
    sys.stdout.write(escaped(text))


def print_aside(text: str) -> None:
    """Write to standard error what is not part of the output; no newline is added."""
    sys.stderr.write(escaped(text))


def print_error(text: str) -> None:
    """Write one line, ``netpol: TEXT``, to standard error."""
    sys.stderr.write(f"netpol: {escaped(text)}\n")
