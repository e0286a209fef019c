"""Run the command ``netpol`` as ``python -m netpol_harness.cli``."""

import sys

from netpol_harness.cli import main

sys.exit(main())
