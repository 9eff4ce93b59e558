"""What the command draws on a terminal or a page: progress, and one trace."""
