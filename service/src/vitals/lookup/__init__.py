"""Following one trace through every store, and the addresses of the screens that show it."""
