"""Every path of the daemon, sorted."""

from mien_daemon.http.route import Route
from mien_daemon.routes import (
    blobs,
    clients,
    console,
    console_sessions,
    engines,
    events,
    groups,
    health,
    hello,
    jobs,
    machine,
    models,
    openapi,
    pairing,
    previews,
    queue,
    reference_pictures,
    references,
    settings,
    shutdown,
    state,
    verify_image,
)

ROUTES: tuple[Route, ...] = tuple(
    sorted(
        (
            *blobs.ROUTES,
            *clients.ROUTES,
            *events.ROUTES,
            *groups.ROUTES,
            *health.ROUTES,
            *hello.ROUTES,
            *jobs.ROUTES,
            *machine.ROUTES,
            *models.ROUTES,
            *openapi.ROUTES,
            *pairing.ROUTES,
            *console.ROUTES,
            *console_sessions.ROUTES,
            *engines.ROUTES,
            *previews.ROUTES,
            *queue.ROUTES,
            *reference_pictures.ROUTES,
            *references.ROUTES,
            *settings.ROUTES,
            *shutdown.ROUTES,
            *state.ROUTES,
            *verify_image.ROUTES,
        ),
        key=lambda route: (route.path, route.method),
    )
)
