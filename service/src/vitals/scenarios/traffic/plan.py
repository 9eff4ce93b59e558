"""What a traffic process is told to send, and what it tells every second: the two ends of one pipe."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

MOST_USERS = 200
MOST_A_SECOND = 1000.0
LONGEST_SECONDS = 24 * 3600.0

Bodies = Literal["held-out", "one feature shifted", "all features shifted", "mostly wrong"]
Labels = Literal["true", "another class or value", "none"]


class Plan(BaseModel):
    """Where to, what, how much and how long; every amount has a bound, and the service is one on loopback."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    folder: Path = Field(description="The served model's folder.")
    bodies: Bodies = "held-out"
    labels: Labels = "true"
    feature: str | None = Field(None, description="The feature to shift; without it, the first that can drift.")
    users: int = Field(ge=1, le=MOST_USERS)
    rate: float = Field(gt=0, le=MOST_A_SECOND, description="Requests a second, of all users.")
    seconds: float = Field(gt=0, le=LONGEST_SECONDS)
    labels_a_request: int = Field(100, ge=1, le=100)
    seed: int = 0

    @field_validator("url")
    @classmethod
    def _is_on_loopback(cls, url: str) -> str:
        host = urlsplit(url).hostname or ""
        if host != "localhost" and not _loopback(host):
            raise ValueError(f"scenarios send to a service on loopback only, and {host or url} is not: unset SERVICE_HOST")
        return url


class Told(BaseModel):
    """The traffic so far; times are of the answers to predictions since the start."""

    model_config = ConfigDict(frozen=True)

    seconds: float = 0.0
    requests: int = 0
    rate: float = Field(0.0, description="Requests a second, lately.")
    answered: dict[str, int] = Field(default_factory=dict, description="Answers by 2xx, 4xx, 5xx.")
    failures: dict[str, int] = Field(default_factory=dict, description="What was not answered as it should be, by kind.")
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    p99_ms: float = 0.0
    labels: int = Field(0, description="Labels that the service took.")

    @property
    def failed(self) -> int:
        """How many requests were not answered as they should be."""
        return sum(self.failures.values())

    @classmethod
    def read(cls, line: str) -> Self | None:
        """A line of the pipe; None where something else printed it."""
        return cls.model_validate_json(line) if line.startswith("{") else None


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
