"""Malformed requests for the embedded cluster's API, from a fixed seed: ``python -m bench.fuzz.api``."""
