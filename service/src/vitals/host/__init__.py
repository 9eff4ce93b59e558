"""This machine: processes, ports, addresses, who may read a file, and what long steps tell."""
