"""The verbs of `vitals`, one module each."""
