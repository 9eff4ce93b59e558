"""The `vitals` command: thin, one module a verb group."""

from __future__ import annotations

import sys

from vitals.errors import VitalsError


def main() -> None:
    """Run the command; what goes wrong on purpose is a sentence on stderr and status 2, never a traceback."""
    from vitals.cli import right_checkout, root

    try:
        right_checkout.refuse_for_another_checkout()
        root.load_environment_file()
        if sys.argv[1:] == ["serve"]:
            from vitals.cli import serving as verbs
        else:
            from vitals.cli import verbs  # type: ignore[no-redef]
        verbs.app()
    except VitalsError as wrong:
        print(wrong, file=sys.stderr)  # noqa: T201 - the one place where errors are told
        sys.exit(2)
