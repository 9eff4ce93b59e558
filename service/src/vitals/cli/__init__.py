"""The `vitals` command: thin, one module a verb group."""

from __future__ import annotations

import sys

from vitals.errors import SettingsError, VitalsError
from vitals.loopback import keep_loopback_off_proxies
from vitals.otel_variables import forget_empty, wrong_for_imports


def main() -> None:
    """Run the command; what goes wrong on purpose is a sentence on stderr and status 2, never a traceback."""
    from vitals.cli import right_checkout, root

    try:
        right_checkout.refuse_for_another_checkout()
        root.load_environment_file()
        keep_loopback_off_proxies()
        forget_empty()
        if wrong_variables := wrong_for_imports():
            raise SettingsError(wrong_variables)
        # After .env is read: OpenTelemetry reads variables when it is imported.
        if sys.argv[1:] == ["serve"]:
            from vitals.cli import serving as verbs
        else:
            from vitals.cli import verbs  # type: ignore[no-redef]
        verbs.app()
    except VitalsError as wrong:
        print(wrong, file=sys.stderr)  # noqa: T201 - the one place where errors are told
        sys.exit(2)
