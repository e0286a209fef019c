"""Readers of arguments: each makes a value of a text, or raises argparse's error that says what is valid."""

import argparse
from pathlib import Path

_LONGEST = 100 * 365 * 24.0


def count(text: str) -> int:
    """A whole number, 1 or more."""
    if not (text.isascii() and text.isdigit() and len(text) < 7 and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of things; give 1 or more")
    return int(text)


def hours(text: str) -> float:
    """A time in hours, at most a century."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= _LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time; give a number of hours, such as 24 or 0.5")
    return value


def place(text: str) -> Path:
    """A file or folder; an empty text, as of a variable that is not set, does not stand for the working directory."""
    if not text:
        raise argparse.ArgumentTypeError("the name is empty; give a file or folder")
    return Path(text)
