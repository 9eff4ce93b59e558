"""One trace as people are shown it, on whatever medium: its spans as a tree, a summary, a JSON document, an HTML page."""
