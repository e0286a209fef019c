"""``report.html``: one page that needs nothing else. Built as a tree, so that the standard library escapes all text."""
