"""Prometheus's rules for each profile of windows, made from their templates."""
