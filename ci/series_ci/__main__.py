"""`python -m series_ci`."""

import sys

from series_ci.cli import main

sys.exit(main())
