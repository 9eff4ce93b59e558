"""The engines' binaries: their recipes, their builds, and the cache that keeps them."""
