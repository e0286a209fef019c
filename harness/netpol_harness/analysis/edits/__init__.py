"""The smallest edits of manifests that give a path its expected verdict, each proven by the oracle. Pure."""
