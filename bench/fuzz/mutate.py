"""Mutations of files: bytes, words, lines and values."""

import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from bench.fuzz.corpus import Files
from netpol_harness.scenario import SCENARIO_FILE

_WORD = re.compile(rb"[\w./-]+|\S")
_BOMB = "&a [x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]"
_NAMES = ("[x].yaml", "*.yaml", "\udcff.yaml", "\x1b[31m.yaml", "a\nb.yaml", "\u202e.yaml", "x" * 250 + ".yaml")
# fmt: off
_TEXTS = (
    "", " ", "~", "null", "{}", "[]", "{", "]", "- ", "? ", ": ", "---\n", "...", "%YAML 9.9\n", "|", ">9", "'", '"',
    "\\", "\t", "\r", "\n\n", "#", "!!python/object:os.system x", "!!binary =", "!!set {a}", "!x", "!!int x",
    "!!float 1_", "*nobody", "&a [*a]", "&a", "<<: 3", "<<: [{a: b}, 3]", "? {a: b}\n: c", "? [a]\n: c", _BOMB,
    "[" * 300, "{a: " * 300, "- " * 300, "9" * 400, "-" + "9" * 5000, "0x" + "f" * 500, "0b" + "1" * 5000,
    "0" * 5000, "1e400", "-.inf", ".nan", "1_" * 50, "1e-400", "-0", "-1", "0", "65536", "4294967296",
    "18446744073709551616", "1.5", "0o7", "1:30", "2001-01-01", "true", "NO", "on", "a" * 300, "a" * 50_000,
    "a." * 20_000, "a-" * 20_000, "a/" * 5000, "(" * 5000, "-> " * 5000, "any -> any:80", "any", "->", "web -> db:",
    "web -> :80", "web -> [::1%eth0]:80", "web -> 1.2.3.4.5:80", "http://", "web -> db:99999999999", "held held",
    "held any -> any:80", "pod(pod(db))", "١٢٣", "8080\u0660", "１.２.３.４", "\x00", "\x07", "\x1b[2J\x1b]0;x\x07",
    "\x7f", "\x85", "\x9b31m", "\u202e", "\u2028", "\ufeff", "\ufffe", "\ud800", "é", "😀", '"\\x1b[31m"', '"\\0"',
    '"\\u202e"', '"\\ud800"', "'*/**/*'", "**/**/**/**", "../x", "/etc/passwd", "/proc/self/environ", "[", "*.yaml",
    "[!a", "x" * 5000 + ".yaml", "/dev/zero", ".", "..", "10.0.0.0/33", "::/0", "10.0.0.0/8/8", "1/1", "0/0", "List",
    "Namespace", "AdminNetworkPolicy", "policy.networking.k8s.io/v1alpha1", "crd.projectcalico.org/v1", "v1", "Node",
)
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 80, 65536, 10**30, 1.5, "", "x", "any", "web", "80", "None", "*", "List", "Pod", [],
    {}, [None], [[]], {"": ""}, [{}], {"a": None}, {"items": None}, "a" * 20_000, list(range(300)),
    [["x"] * 50] * 50,
)
# fmt: on
NASTY = tuple(text.encode("utf-8", "surrogatepass") for text in _TEXTS)


def mutated(files: Files, dice: random.Random) -> Files:
    """Return the directory with one to four mutations, most of them in its scenario.yaml if it has one."""
    changed = dict(files)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        names = sorted(changed)
        name = SCENARIO_FILE if SCENARIO_FILE in changed and dice.random() < 0.4 else dice.choice(names)
        changed[name] = dice.choice(_MUTATIONS)(changed[name], dice)
    if dice.random() < 0.05:
        changed[dice.choice(_NAMES)] = changed.pop(dice.choice(sorted(changed)))
    return changed


def _flip(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data) + 1)
    return data[:at] + bytes([dice.randrange(256)]) + data[at + dice.randrange(3) :]


def _cut(data: bytes, dice: random.Random) -> bytes:
    first, last = sorted(dice.randrange(len(data) + 1) for _ in range(2))
    return data[:first] + data[last:] if dice.random() < 0.7 else data[:first]


def _replace_word(data: bytes, dice: random.Random) -> bytes:
    words = list(_WORD.finditer(data))
    if not words:
        return dice.choice(NASTY)
    word = dice.choice(words)
    return data[: word.start()] + dice.choice(NASTY) + data[word.end() :]


def _insert(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data) + 1)
    return data[:at] + dice.choice(NASTY) + data[at:]


def _swap_words(data: bytes, dice: random.Random) -> bytes:
    words = _WORD.findall(data)
    return _replace_by(data, dice, dice.choice(words)) if words else data


def _replace_by(data: bytes, dice: random.Random, word: bytes) -> bytes:
    place = dice.choice(list(_WORD.finditer(data)))
    return data[: place.start()] + word + data[place.end() :]


def _repeat_line(data: bytes, dice: random.Random) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    at = dice.randrange(len(lines))
    return b"".join([*lines[:at], lines[at] * dice.choice((0, 2, 2, 200)), *lines[at + 1 :]])


def _indent(data: bytes, dice: random.Random) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    at = dice.randrange(len(lines))
    lines[at] = b" " * dice.randrange(9) + lines[at].lstrip()
    return b"".join(lines)


def _change_value(data: bytes, dice: random.Random) -> bytes:
    """Replace a random value. The file must be valid YAML, else a word is replaced."""
    try:
        documents = list(yaml.safe_load_all(data))
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, AttributeError):
        return _replace_word(data, dice)
    if len(data) > 20_000 or not documents:
        return _cut(data, dice)
    holder, key = dice.choice(list(places(documents)))
    if dice.random() < 0.2 and isinstance(holder, dict):
        holder[dice.choice(("x", "name", "", "spec", "any -> any:80", "<<"))] = holder.pop(key)
    else:
        holder[key] = dice.choice(VALUES)
    return yaml.safe_dump_all(documents).encode()


def places(documents: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container and key, each container once: an alias may be inside its own anchor."""
    left, seen = [documents], set()
    for value in left:
        if isinstance(value, dict | list) and id(value) not in seen:
            seen.add(id(value))
            items = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
            yield from ((value, key) for key, _ in items)
            left += [item for _, item in items]


_MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(_flip, _cut, _insert, _swap_words, _repeat_line, _indent),
    *(_replace_word,) * 4,
    *(_change_value,) * 4,
)
