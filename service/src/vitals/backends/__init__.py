"""Where each signal goes: the table of backends, and what the Collector makes of a choice."""
