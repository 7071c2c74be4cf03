"""A folder run on Ray: where it may run, what travels, the process that talks to Ray, and what a node does."""
