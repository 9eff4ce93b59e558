"""What the variants serve: each file is a program that one of them starts."""
