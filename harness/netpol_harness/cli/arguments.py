"""Types of arguments for argparse: each parses a text, or raises ``ArgumentTypeError`` with what is valid."""

import argparse
from pathlib import Path

_MAX_HOURS = 100 * 365 * 24.0


def count(text: str) -> int:
    """Parse a whole number, 1 or more."""
    if not (text.isascii() and text.isdigit() and len(text) < 7 and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number; give 1 or more")
    return int(text)


def hours(text: str) -> float:
    """Parse a time in hours, from 0 to a century."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= _MAX_HOURS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of hours; give a number such as 24 or 0.5")
    return value


def seconds(text: str) -> float:
    """Parse a time in seconds, above 0 and up to an hour."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds; give a number such as 2 or 0.5")
    return value


def path(text: str) -> Path:
    """Parse the path of a file or folder; an empty one, as of an unset variable, is not the working directory."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty; give a file or folder")
    return Path(text)
