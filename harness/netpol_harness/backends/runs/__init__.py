"""A run: its owner process, the directory that its processes share, and the host commands that it executes."""
