"""Faces: where they are, how they are turned, whose they are; one step a file, from frozen values to frozen values."""
