"""Things drawn onto a face or before it, from its mesh alone: what a swap must keep."""
