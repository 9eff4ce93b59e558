"""The requests that scenarios send, by Locust, in a process of its own."""
