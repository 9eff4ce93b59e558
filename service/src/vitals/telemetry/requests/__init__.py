"""One request as telemetry sees it: from the ASGI scope to its span and its measurements."""
