"""What a request may hold: its body, its rows, their values, and what is said where one is wrong."""
