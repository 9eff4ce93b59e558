"""What the command draws on a terminal: progress, and one trace."""
