"""What commands print: texts that may quote file names, files and pods, fit for a terminal."""

import sys

from netpol_harness.escape import escaped


def tell(text: str) -> None:
    """Write to standard output; no line end is added."""
    sys.stdout.write(escaped(text))


def complain(text: str) -> None:
    """Say on standard error why something could not be done."""
    sys.stderr.write(f"netpol: {escaped(text)}\n")
