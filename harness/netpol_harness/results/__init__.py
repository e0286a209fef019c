"""What was observed: attempts, evidence, judgement and truth tables. Pure."""
