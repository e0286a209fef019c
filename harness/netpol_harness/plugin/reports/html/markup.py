"""Elements of a page. Text from others enters the page here, as text, or through ``data``, and in no other way."""

import json
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, tostring

from netpol_harness.escape import escaped

Content = Element | str


def element(tag: str, attributes: Mapping[str, str] | None = None, *content: Content) -> Element:
    """An element with these attributes and this content, in order."""
    made = Element(tag, {name: escaped(text) for name, text in (attributes or {}).items()})
    for part in content:
        if isinstance(part, Element):
            made.append(part)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + escaped(part)
        else:
            made.text = (made.text or "") + escaped(part)
    return made


def data(identity: str, value: Any) -> Element:
    """Data for the page's script: JSON in which nothing can end the element."""
    text = json.dumps(value, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e")
    return raw("script", {"type": "application/json", "id": identity}, text)


def raw(tag: str, attributes: Mapping[str, str], text: str) -> Element:
    """A script or a style sheet, whose text HTML takes as it is. Never for text from others."""
    made = Element(tag, dict(attributes))
    made.text = text
    return made


def document(page: Element) -> str:
    """The page as HTML 5."""
    return f"<!doctype html>\n{tostring(page, encoding='unicode', method='html')}\n"
