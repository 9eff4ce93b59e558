"""`python -m vitals_rules FOLDER`: write each profile's rules into a folder of its name there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from vitals_rules.generated import write

if __name__ == "__main__":
    for file in write(Path(sys.argv[1]), os.environ.get("RUNBOOK_BASE_URL")):
        sys.stdout.write(f"{file}\n")
