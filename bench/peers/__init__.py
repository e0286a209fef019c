"""Other people's suites for NetworkPolicy, unmodified, against the embedded cluster: ``python -m bench.peers``."""
