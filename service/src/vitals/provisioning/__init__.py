"""What the engines are given: their files, their users, what they are set up with, and whose data they hold."""
