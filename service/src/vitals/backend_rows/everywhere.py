"""What every signal has: whatever takes OTLP, nothing at all, and two backends at once."""

from __future__ import annotations

from vitals.backend_rows.row import Backend, Notes, Option, Signal

VALIDATED_ONLY = "validated only"

NONE = Backend(
    "nothing: every record is dropped, and counted",
    Notes("", "nothing is kept; drops are counted", "run"),
    unread="nothing is kept",
)


def migration(verified: str) -> Notes:
    """Two backends at once: the old one and the new one."""
    return Notes("a migration", "each has its own queue and pipeline: one that is down does not hold up the other", verified)


def otlp(signal: Signal) -> Backend:
    """Whatever takes OTLP over HTTP; all signals share its address and its token."""
    return Backend(
        "what takes OTLP at OTLP_BACKEND_ENDPOINT; where it wants a password, OTLP_BACKEND_AUTHORIZATION_FILE",
        Notes(
            "another Collector, a gateway, a vendor",
            "depends on what is behind it; `vitals trace` does not know it",
            "run, to a second Collector with a token, that comes and goes",
        ),
        queue=f"otlp_http/{signal}_otlp",
        unread="`vitals trace` does not know what is behind OTLP_BACKEND_ENDPOINT",
        overlay="otlp",
        options=(
            Option(
                "OTLP_BACKEND_ENDPOINT",
                "http://127.0.0.1:24318",
                "What takes OTLP over HTTP, with any signal's backend `otlp`.",
                in_compose="http://host.docker.internal:4318",
            ),
            Option(
                "OTLP_BACKEND_AUTHORIZATION_FILE",
                None,
                "A file with the value of its header Authorization, as in `Bearer abc`; without one the header is empty.",
                if_empty="/dev/null",
                in_compose="/dev/null",
            ),
        ),
    )
