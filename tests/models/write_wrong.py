"""Writes what can't be served, in a process that knows nothing of the service.

    python -m tests.models.write_wrong NAME FOLDER
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

from .wrong_data import WRONG_DATA
from .wrong_exports import WRONG_EXPORTS
from .wrong_models import WRONG_MODELS, Wrong

WRONG: dict[str, Wrong] = {**WRONG_MODELS, **WRONG_EXPORTS, **WRONG_DATA}


def main() -> None:
    """Write the model and the data that the command line names."""
    warnings.simplefilter("ignore")
    name, folder = sys.argv[1:]
    Path(folder).mkdir(parents=True)
    WRONG[name].write(Path(folder))


if __name__ == "__main__":
    main()
