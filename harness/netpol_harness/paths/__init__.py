"""The path language: grammar, names, expectations, outcomes, and diagnostics with their places. Pure."""
