"""`python -m vitals_dev.telemetry_reference PAGE` writes the generated part of a page anew; `make telemetry` calls it."""

from __future__ import annotations

import sys
from pathlib import Path

from vitals_dev.telemetry_reference.page import with_reference

if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(with_reference(page.read_text()))
