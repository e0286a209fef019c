"""``report.html``: one self-contained page. It is built as a tree, so that the standard library escapes all text."""
