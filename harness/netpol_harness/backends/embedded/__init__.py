"""Embedded clusters: a process of this host (``netpol_harness.emulator``) that is the whole cluster."""
