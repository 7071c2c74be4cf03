"""The engine on its tiny bundle."""

from mien_testing.klein import engine as engine
from mien_testing.klein import stack as stack
