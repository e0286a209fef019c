"""What a run leaves in files: the steps' tables, ``run.json``, JUnit properties, a summary in Markdown, a page."""
