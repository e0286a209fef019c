"""A run of the harness: its owner, its directory that all its processes share, and the commands that it runs."""
