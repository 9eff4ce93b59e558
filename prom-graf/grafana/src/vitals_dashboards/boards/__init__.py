"""The dashboards, a module each; the larger ones have modules for their rows."""
