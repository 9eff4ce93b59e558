"""The fast path: what a request leaves in telemetry is packed when it ends, and encoded to OTLP off the request's way."""
