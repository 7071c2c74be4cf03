"""The engine on the tiny bundle, and the networks of which one velocity is made."""

from mien_testing.flux import arc as arc
from mien_testing.flux import attentions as attentions
from mien_testing.flux import control_net as control_net
from mien_testing.flux import transformer as transformer
from mien_testing.flux import xlabs as xlabs
from mien_testing.tiny import engine as engine
from mien_testing.tiny import likeness as likeness
from mien_testing.tiny import made as made
from mien_testing.tiny import reference as reference
from mien_testing.tiny import store as store
from mien_testing.tiny import target as target
from mien_testing.tiny import with_options as with_options
