"""Known deviations (``--netpol-known FILE``): tests that are expected to fail on a network plugin, until a date."""
