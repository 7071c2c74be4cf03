"""The engine on the tiny bundle."""

from mien_testing.tiny import engine as engine
from mien_testing.tiny import reference as reference
from mien_testing.tiny import store as store
from mien_testing.tiny import target as target
