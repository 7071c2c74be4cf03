"""The client of scripts, the command line and the tray: the standard library and nothing else.

`DaemonClient` waits; `AsyncDaemonClient`, in `mien_api.client.asynchronous`, has the same methods for asyncio. What the
daemon refuses is raised as the error it refused with: `error.code` is for programs, `error.fields` name what to fix.
"""

from mien_api.client.daemon import DaemonClient as DaemonClient
from mien_api.client.events import Event as Event
from mien_api.client.jobs import OnJob as OnJob
from mien_api.client.jobs import ignore_job as ignore_job
from mien_api.client.pictures import Person as Person

# What the client raises is the client's to name: the tray catches it and knows nothing of the pipeline.
from mien_core.errors import Cancelled as Cancelled
from mien_core.errors import DaemonUnreachable as DaemonUnreachable
from mien_core.errors import MienError as MienError
