"""Known deviations of network plugins: what their files say, and which tests and versions it is about."""
