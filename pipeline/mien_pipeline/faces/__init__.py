"""One step of a swap per file: plain functions from frozen values to frozen values."""
