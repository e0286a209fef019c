"""How far and how fast ``netpol shrink`` comes: each mutant in a world of 50 pods and 30 policies."""
