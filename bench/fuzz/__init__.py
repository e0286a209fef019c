"""Malformed scenarios and manifests for the loader, from a fixed seed: ``python -m bench.fuzz``."""
