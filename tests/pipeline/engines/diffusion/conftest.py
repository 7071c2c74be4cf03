"""The networks of the identity methods, small."""

from mien_testing.flux import arc as arc
from mien_testing.flux import attentions as attentions
from mien_testing.flux import xlabs as xlabs
