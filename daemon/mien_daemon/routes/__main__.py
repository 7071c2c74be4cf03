"""`python -m mien_daemon.routes` prints `daemon/API.md`."""

import sys

from mien_daemon.config import Settings
from mien_daemon.http.api_page import render_page
from mien_daemon.routes import ROUTES

sys.stdout.write(render_page(ROUTES, Settings().port))
