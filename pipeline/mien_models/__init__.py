"""Weight files: which exist, where they come from, where they lie."""
