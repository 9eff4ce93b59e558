"""The native stack: started, watched and stopped in order."""
