"""Lines as Docker's json-file driver writes them, and the parts of the pattern that tells where a record of several lines ends.

The pattern in otel-collector/inputs/container-logs.yaml is these parts put together: change it here first, by name, then there.
"""

from __future__ import annotations

import json

TEXT = r'(?:[^"\\\n]|\\.)*"'
"""The rest of a text, up to the quote that ends it."""
NEXT = r'\n\{"log":"'
"""The end of a line, and the next one up to its text."""
INDENTED = r"(?: |\\[nrt]|\\u000)"
"""What a line begins with that is indented or empty."""
HEADINGS = (
    r"(?:Exception Group )?Traceback \(most",
    "During handling of the above ",
    "The above exception was the ",
    "Caused by: ",
    "Wrapped by: ",
    r"\[signal SIG",
    r"(?:[a-z]\w*\.)+[A-Z][\w$]*(?:Exception|Error|Throwable)(?::|\\n)",
)
"""Lines that begin at the margin and belong to what was before them, by what they say."""
PYTHON_FRAME, PYTHON_CODE, PYTHON_EXCEPTION = r'[ ] File \\"', r"(?:    |  \[)", r'[^ \\"]'
"""A frame, what is below it, and the line after the last frame, whatever exception it names."""
GO_PLACE = r'(?:\\t[^"\n]*\.go:\d+ |goroutine \d+ [^"\n]*\[)'
GO_FUNCTION = r"(?:created by |[\w./*()\[\]-]+\()"
"""In Go it is the function that begins at the margin, after the place of the one before it."""
OTHERS = r"\{.*\}$|[^{\n].*$"
"""What Docker did not write, or only half: alone, so that it spoils no other line."""
LINES_MAX = 200
"""So many lines may follow the first, each frame of Python's or Go's counted as one; those after them begin the next record."""


def line_start_pattern() -> str:
    """What matches one whole record, however many lines it has; only lines that are there to their ends match."""
    streams = "|".join(rf'{stream[3:]}".*Z"\}}${_lines_after(stream)}' for stream in ("stderr", "stdout"))
    return rf'^(?:\{{"log":"{TEXT},"stream":"std(?:{streams})|{OTHERS})'


def _lines_after(stream: str) -> str:
    rest = rf'{TEXT},"stream":"{stream}".*Z"\}}$'
    lines = (
        f"{GO_PLACE}{rest}(?:{NEXT}{GO_FUNCTION}{rest})?",
        f"{PYTHON_FRAME}{rest}(?:{NEXT}{PYTHON_CODE}{rest})*(?:{NEXT}{PYTHON_EXCEPTION}{rest})?",
        f"(?:{'|'.join((INDENTED, *HEADINGS))}){rest}",
    )
    return f"(?:{NEXT}(?:{'|'.join(lines)})){{0,{LINES_MAX}}}"


def line_of_a_container(text: str, service: str = "service", stream: str = "stderr", end: str = "\n", **labels: str) -> str:
    """One line of the file of a container of the project `mine`; without `end` it is a part of a long line, as Docker cuts it."""
    attrs = {
        "com.docker.compose.oneoff": "False",
        "com.docker.compose.project": "mine",
        "com.docker.compose.service": service,
        "tag": f"mine-{service}-1",
        **labels,
    }
    line = {"log": f"{text}{end}", "stream": stream, "attrs": attrs, "time": "2026-01-01T07:00:00.5Z"}
    return json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n"
