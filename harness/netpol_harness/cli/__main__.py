"""``python -m netpol_harness.cli`` is ``netpol``."""

import sys

from netpol_harness.cli import main

sys.exit(main())
