"""How soon `netpol fuzz` finds each planted fault: every mutant of the embedded cluster."""
