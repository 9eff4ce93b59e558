"""Talks to the running engines, and starts and stops them natively."""
