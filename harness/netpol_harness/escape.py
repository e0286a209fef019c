"""Text of others on its way to a terminal: file names, content of files, what pods answer.

A control character there may clear the screen, paint a failure green or, as a bidirectional override, show another
text than the one that is meant. What a reader cannot see is shown as Python would write it in a string.
"""

import re

_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and line feed, DEL, C1
    r"\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # invisible, or changes direction
    r"\ud800-\udfff\U000e0000-\U000e007f]"  # bytes of file names that are not UTF-8, and tags
)


def escaped(text: str) -> str:
    """A text of any number of lines without characters that do something to a terminal."""
    return _UNSEEN.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def one_line(text: str) -> str:
    """The same for what must not begin a line of its own."""
    return escaped(text).replace("\n", "\\n").replace("\t", "\\t")
