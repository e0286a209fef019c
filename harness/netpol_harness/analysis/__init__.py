"""What a scenario's policies mean, without a cluster: predicted verdicts, explanations, and coverage. Pure."""
