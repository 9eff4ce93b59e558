"""The service as a process: the server, its workers, and what watches over them."""
