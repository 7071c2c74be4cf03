"""Every path of the daemon, sorted."""

from mien_daemon.routes import blobs, clients, events, health, hello, jobs, openapi, queue, settings
from mien_daemon.routes.route import Route

ROUTES: tuple[Route, ...] = tuple(
    sorted(
        (
            *blobs.ROUTES,
            *clients.ROUTES,
            *events.ROUTES,
            *health.ROUTES,
            *hello.ROUTES,
            *jobs.ROUTES,
            *openapi.ROUTES,
            *queue.ROUTES,
            *settings.ROUTES,
        ),
        key=lambda route: (route.path, route.method),
    )
)
