"""Lines as Docker's json-file driver writes them, and the parts of the pattern that tells where a record of several lines ends.

The pattern in otel-collector/inputs/container-logs.yaml is these parts put together: change it here first, by name, then there.
"""

from __future__ import annotations

import json

TEXT = r'(?:[^"\\\n]|\\.)*"'
"""The rest of a text, up to the quote that ends it."""
INDENTED = r"(?: |\\[nrt]|\\u000)"
"""What a line begins with that is indented or empty."""
UNINDENTED = r'[^ \\"]'
NEXT = r'\n\{"log":"'
"""The end of a line, and the next one up to its text."""
HEADINGS = (
    "Caused by: ",
    "Wrapped by: ",
    "During handling of the above exception",
    "The above exception was the direct cause",
    r"\[signal SIG",
    r"(?:[a-z]\w*\.)+[A-Z][\w$]*(?:Exception|Error|Throwable)(?::|\\n)",
)
"""Lines that begin at the margin and belong to what was before them, by what they say."""
TRACEBACK = r"(?:Exception Group )?Traceback \(most recent call last\):"
GOROUTINE = r'goroutine \d+ [^"\n]*\['
GO_FRAME = rf"(?:{INDENTED}|created by |[\w./*()\[\]-]+\()"
ANYTHING_ELSE = r"\{.*\}$|[^{\n].*$"
"""What Docker did not write, or only half: alone, so that it spoils no other line."""
LINES_MAX = 200
"""So many indented lines belong to one record; those after them begin the next."""


def line_start_pattern() -> str:
    """What matches one whole record, however many lines it has; only lines that are there to their ends match."""
    streams = "|".join(rf'{stream[3:]}"{_END}{_lines_after(stream)}' for stream in ("stderr", "stdout"))
    return rf'^(?:\{{"log":"{TEXT},"stream":"std(?:{streams})|{ANYTHING_ELSE})'


_END = r'.*Z"\}$'


def _lines_after(stream: str) -> str:
    rest = rf'{TEXT},"stream":"{stream}"{_END}'
    indented = f"(?:{NEXT}{INDENTED}{rest})"
    blocks = (
        f"(?:{'|'.join(HEADINGS)}){rest}",
        f"{TRACEBACK}{rest}{indented}{{1,{LINES_MAX}}}(?:{NEXT}{UNINDENTED}{rest})?",
        f"{GOROUTINE}{rest}(?:{NEXT}{GO_FRAME}{rest})*",
    )
    return f"(?:{indented}{{0,{LINES_MAX}}}{NEXT}(?:{'|'.join(blocks)}))*{indented}{{0,{LINES_MAX}}}"


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
