"""Every backend as one row of a table: what it needs, its options, who reads it, and how it was verified."""
