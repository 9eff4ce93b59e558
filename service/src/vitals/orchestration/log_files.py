"""What LOG_FILES names: what there is to say of it before the Collector follows it."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

_LOOKED_AT = 4096


def remarks(log_files: str) -> Iterator[str]:
    """A sentence for each path that is not followed as one would expect. log_files: as the settings have it."""
    for pattern in filter(None, log_files.split(",")):
        files = [found for found in Path("/").glob(pattern.lstrip("/")) if found.is_file()]
        if not files:
            folder = Path(pattern).is_dir()
            more = (
                f": it is a folder; {pattern}/*.log would be the logs in it" if folder else ": it is followed once there is one"
            )
            yield f"LOG_FILES: there is no file {pattern}{more}."
        for file in files:
            try:
                with file.open("rb") as content:
                    begin = content.read(_LOOKED_AT)
            except OSError as wrong:
                yield f"LOG_FILES: {file} can't be read ({wrong.strerror}), and is not followed."
                continue
            if begin.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or begin.count(b"\0") > len(begin) // 4:
                yield f"LOG_FILES: {file} is in UTF-16, or no text: its lines can't be read. Let its program write UTF-8."
