"""How a face is swapped; knows nothing of HTTP."""
