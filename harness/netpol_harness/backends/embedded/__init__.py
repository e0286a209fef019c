"""Embedded clusters: one process of this host is the whole cluster (``netpol_harness.emulator``)."""
