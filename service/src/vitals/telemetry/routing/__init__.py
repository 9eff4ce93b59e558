"""OpenTelemetry's global providers, which can be set once a process: each call is passed on to the application that is served.

A tracer, meter or logger that was got from the API, at import too, is a thin router; what it makes is made by the providers of
the application that the calling code belongs to (applications.py).
"""
