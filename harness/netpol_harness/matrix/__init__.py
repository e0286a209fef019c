"""What was asked and what was seen: expectations, outcomes, evidence, truth tables. Pure, no I/O."""
