"""The version of this package, also where no distribution of it is installed, as in a container."""

__version__ = "0.1.0"
