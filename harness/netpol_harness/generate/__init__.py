"""The catalogue: scenarios written by rule, over the axes along which one NetworkPolicy rule can differ from another.

``axes`` says what there is to choose, ``pairwise`` chooses few cases that still let every two values meet,
``policies`` turns a case into a NetworkPolicy, ``surroundings`` are the pods and hosts around it, ``drafts`` makes
scenarios of both, and ``write`` puts them on the disk. What must come of a case is not said here: that is the oracle's.
"""
