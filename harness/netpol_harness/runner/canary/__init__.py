"""The canary: shows, once per cluster and before any verdict counts, that NetworkPolicy has an effect there."""
