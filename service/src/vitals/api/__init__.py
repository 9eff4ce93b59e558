"""The service's routes and their schemas."""
