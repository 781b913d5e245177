"""How much is tested: `make test` leaves out what `make test-all` adds by setting ATTNBOOK_ALL."""

import os

EVERYTHING = bool(os.environ.get("ATTNBOOK_ALL"))
