"""Logs through the standard `logging` module: tapped, made safe, and sent."""
