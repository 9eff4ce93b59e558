"""A request of the stack's own, followed into every store: how fresh they are, measured all the time."""
