"""The syntax of names, labels, ports and addresses: functions from a value to the server's messages about it.

RFC 1123 and RFC 1035 labels, and the wording, follow apimachinery's ``pkg/util/validation``.
"""

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = f"({_QUALIFIED})?"

_ALNUM = "must start and end with an alphanumeric character"
_ENDS = f"consist of lower case alphanumeric characters or '-', and {_ALNUM}"


def dns_label(value: str) -> list[str]:
    """Check an RFC 1123 label: at most 63 characters."""
    message = f"a lowercase RFC 1123 label must {_ENDS} (e.g. 'my-name',  or '123-abc', {_regex(_LABEL)})"
    return [*_limit(value, 63), *_shape(value, _LABEL, message)]


def dns_1035_label(value: str) -> list[str]:
    """Check an RFC 1035 label: like RFC 1123, but it starts with a letter."""
    message = (
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
        f"character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', {_regex(_LABEL_1035)})"
    )
    return [*_limit(value, 63), *_shape(value, _LABEL_1035, message)]


def dns_subdomain(value: str) -> list[str]:
    """Check RFC 1123 labels joined by dots: at most 253 characters."""
    message = (
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
        f"{_ALNUM} (e.g. 'example.com', {_regex(_SUBDOMAIN)})"
    )
    return [*_limit(value, 253), *_shape(value, _SUBDOMAIN, message)]


def path_segment(value: str) -> list[str]:
    """Check a name that may hold anything that fits between two slashes of a URL."""
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return [f"may not contain '{character}'" for character in "/%" if character in value]


def qualified_name(value: str) -> list[str]:
    """Check a label or annotation key: ``[prefix/]name``."""
    prefix, slash, name = value.rpartition("/")
    message = (
        f"must consist of alphanumeric characters, '-', '_' or '.', and {_ALNUM} "
        f"(e.g. 'MyName',  or 'my.name',  or '123-abc', {_regex(_QUALIFIED)})"
    )
    problems = [] if name else ["name part must be non-empty"]
    problems += [f"name part {words}" for words in (*_limit(name, 63), *_shape(name, _QUALIFIED, message))]
    if slash and not prefix:
        return ["prefix part must be non-empty", *problems]
    return [*(f"prefix part {words}" for words in (dns_subdomain(prefix) if slash else ())), *problems]


def label_value(value: str) -> list[str]:
    """Check a label's value: at most 63 characters, may be empty."""
    message = (
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and "
        f"{_ALNUM} (e.g. 'MyValue',  or 'my_value',  or '12345', {_regex(_LABEL_VALUE)})"
    )
    return [*_limit(value, 63), *_shape(value, _LABEL_VALUE, message)]


def port_number(value: int) -> list[str]:
    return [] if 1 <= value <= 65535 else ["must be between 1 and 65535, inclusive"]


def port_name(value: str) -> list[str]:
    """Check an IANA service name (RFC 6335)."""
    rules = (
        (len(value) > 15, "must be no more than 15 characters"),
        (
            not re.fullmatch("[-a-z0-9]+", value),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (not re.search("[a-z]", value), "must contain at least one letter (a-z)"),
        ("--" in value, "must not contain consecutive hyphens"),
        (value[:1] == "-" or value[-1:] == "-", "must not begin or end with a hyphen"),
    )
    return [words for broken, words in rules if broken]


def config_key(value: str) -> list[str]:
    """Check a key of a ConfigMap or Secret."""
    message = (
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' "
        f"(e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', {_regex('[-._a-zA-Z0-9]+')})"
    )
    return [*_limit(value, 253), *_shape(value, "[-._a-zA-Z0-9]+", message)]


def environment_name(value: str) -> list[str]:
    """Check an environment variable's name: any printable ASCII except ``=``."""
    if re.fullmatch("[ -<>-~]+", value):
        return []
    return ["a valid environment variable name must consist only of printable ASCII characters other than '='"]


def address(value: str) -> list[str]:
    """Check an IPv4 or IPv6 address."""
    try:
        ip_address(value)
    except ValueError:
        return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    return []


def network(value: str) -> IPv4Network | IPv6Network | None:
    """Return the network of an address with a prefix length (host bits may be set), or None."""
    _, slash, length = value.partition("/")
    if not slash or not length.isdecimal():
        return None
    try:
        return ip_network(value, strict=False)
    except ValueError:
        return None


def _limit(value: str, limit: int) -> list[str]:
    return [f"must be no more than {limit} bytes"] if len(value.encode()) > limit else []


def _shape(value: str, pattern: str, message: str) -> list[str]:
    return [] if re.fullmatch(pattern, value) else [message]


def _regex(pattern: str) -> str:
    return f"regex used for validation is '{pattern}'"
