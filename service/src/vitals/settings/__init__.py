"""Every option: name, type, default, and a line of why. Those of the service, of the stack, and of the containers."""
