"""Known deviations (``--netpol-known FILE``): what a network plugin is known to do otherwise, and until when."""
