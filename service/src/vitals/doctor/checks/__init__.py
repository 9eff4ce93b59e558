"""What the doctor looks at, one module a check or a few that belong together."""
