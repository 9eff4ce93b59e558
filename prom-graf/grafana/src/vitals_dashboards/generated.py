"""All dashboards, as the files that are committed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vitals_dashboards.boards import host, model, pipeline, service, slo


def dashboards() -> list[dict[str, Any]]:
    """Every dashboard's JSON."""
    return [service.service(), model.model(), slo.slo(), host.host(), pipeline.pipeline()]


def files() -> dict[str, str]:
    """Each file's name and text; the same code gives the same text."""
    return {f"{one['uid']}.json": json.dumps(one, indent=1, ensure_ascii=False) + "\n" for one in dashboards()}


def write(folder: Path) -> list[Path]:
    """Write the files, and remove those of dashboards that are no more. Gives what was written."""
    texts = files()
    for old in set(folder.glob("*.json")) - {folder / name for name in texts}:
        old.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [folder / name for name in texts]
