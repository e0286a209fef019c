"""Benchmarks. Every figure is a ratio, or has one beside it, measured in a single run on one machine."""
