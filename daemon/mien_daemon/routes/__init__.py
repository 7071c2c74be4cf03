"""Every path of the daemon, sorted."""

from mien_daemon.routes import (
    blobs,
    clients,
    console,
    events,
    health,
    hello,
    jobs,
    models,
    models,
    openapi,
    pair,
    previews,
    queue,
    settings,
)
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
            *models.ROUTES,
            *openapi.ROUTES,
            *pair.ROUTES,
            *console.ROUTES,
            *previews.ROUTES,
            *queue.ROUTES,
            *settings.ROUTES,
        ),
        key=lambda route: (route.path, route.method),
    )
)
