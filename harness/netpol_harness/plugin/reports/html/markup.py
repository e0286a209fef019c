"""Elements of a page. Untrusted text enters a page only through ``element``, as text, and through ``data``."""

import json
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, tostring

from netpol_harness.escape import escaped

Content = Element | str


def element(tag: str, attributes: Mapping[str, str] | None = None, *content: Content) -> Element:
    """Return an element with these attributes and this content, in order."""
    result = Element(tag, {name: escaped(text) for name, text in (attributes or {}).items()})
    for part in content:
        if isinstance(part, Element):
            result.append(part)
        elif len(result):
            result[-1].tail = (result[-1].tail or "") + escaped(part)
        else:
            result.text = (result.text or "") + escaped(part)
    return result


def data(identity: str, value: Any) -> Element:
    """Return data for the page's script, as JSON in which no text can end the element."""
    text = json.dumps(value, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e")
    return raw("script", {"type": "application/json", "id": identity}, text)


def raw(tag: str, attributes: Mapping[str, str], text: str) -> Element:
    """Return a script or a style sheet, whose text is not escaped. Never use it for untrusted text."""
    result = Element(tag, dict(attributes))
    result.text = text
    return result


def document(page: Element) -> str:
    """Return the page as HTML 5."""
    return f"<!doctype html>\n{tostring(page, encoding='unicode', method='html')}\n"
