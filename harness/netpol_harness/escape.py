"""Escaping of text from outside before it is printed on a terminal: file names, files' content, output of pods.

A control character could clear the screen or paint a failure green; a bidirectional override could show another text
than the real one. Invisible characters are shown as in a Python string literal.
"""

import re

_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and line feed, DEL, C1
    r"\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # invisible, or changes direction
    r"\ud800-\udfff\U000e0000-\U000e007f]"  # bytes of file names that are not UTF-8, and tags
)


def escaped(text: str) -> str:
    """Return a text of any number of lines without characters that have an effect on a terminal."""
    return _INVISIBLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def one_line(text: str) -> str:
    """Return the same as ``escaped`` on a single line, with line feeds and tabs escaped too."""
    return escaped(text).replace("\n", "\\n").replace("\t", "\\t")
