"""What a rung of a memory plan takes, measured without a download: files of holes, filled with random values."""
