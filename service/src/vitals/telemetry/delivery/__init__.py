"""Delivering telemetry to the Collector: encoded at once, kept in a bounded buffer, and sent until it is taken.

    exporter ─ encodes ─→ buffer (bounded) ─→ sender (one thread, in order) ─→ transport (gRPC or HTTP)

The SDK's own exporters give up on a batch after some seconds; here only a full buffer, the end of the process or an answer that
says "never" loses anything, and each loss is counted by its reason (measures.py).
"""
