"""The `vitals` command: thin, one module a verb group."""

from __future__ import annotations

import codecs
import locale
import os
import signal
import sys
from typing import NoReturn

from vitals.cli import verb_table
from vitals.errors import SettingsError, VitalsError
from vitals.loopback import keep_loopback_off_proxies
from vitals.otel_variables import forget_empty, wrong_for_imports


def main() -> None:
    """Run the command; what goes wrong on purpose is a sentence on stderr and status 2, never a traceback."""
    in_utf8()
    try:
        verb_table.must_be_runnable(sys.argv[1:])
        from vitals.cli import right_checkout, root

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
            from vitals.cli import all_verbs as verbs  # type: ignore[no-redef]
        verbs.app()
    except VitalsError as wrong:
        print(wrong, file=sys.stderr)  # noqa: T201 - the one place where errors are told
        sys.exit(2)
    except KeyboardInterrupt:  # while the verbs are imported, which takes a second
        _interrupted()
    except SystemExit as end:
        if end.code == _INTERRUPTED:  # while one runs: Typer says nothing
            _interrupted()
        raise


def in_utf8(already: int = sys.flags.utf8_mode) -> None:
    """Begin again with Python's UTF-8 mode where the locale has another encoding: files and paths are UTF-8 everywhere.

    What is printed is in the terminal's encoding, with `?` for what that has no sign for.
    """
    encoding = locale.getpreferredencoding(False)
    if already or codecs.lookup(encoding).name == "utf-8" or "PYTHONUTF8" in os.environ:
        return
    os.environ["PYTHONUTF8"] = "1"
    os.environ.setdefault("PYTHONIOENCODING", f"{encoding}:replace")
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - itself


_INTERRUPTED = 128 + signal.SIGINT


def _interrupted() -> NoReturn:
    print("Interrupted.", file=sys.stderr)  # noqa: T201
    sys.exit(_INTERRUPTED)
