"""FLUX.1 on the tiny bundle, for the restorer that paints with it."""

from mien_testing.tiny import engine as engine
from mien_testing.tiny import store as store
