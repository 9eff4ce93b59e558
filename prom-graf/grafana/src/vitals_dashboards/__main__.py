"""`python -m vitals_dashboards FOLDER`: write each dashboard's JSON there."""

from __future__ import annotations

import sys
from pathlib import Path

from vitals_dashboards.generated import write

if __name__ == "__main__":
    for file in write(Path(sys.argv[1])):
        sys.stdout.write(f"{file}\n")
