"""The product whole: a right click in Firefox, the daemon, the mesh engine, and another face afterwards."""

from typing import Any


def test_a_real_face_is_swapped_in_a_real_page(person: Any, site: Any, daemon: Any, portraits: Any) -> None:
    reference = daemon.add_reference("Eileen", portraits.reference)
    person.choose(reference)
    site.answers["/portrait.jpg"] = type(site.answers["/face.png"])(portraits.target, "image/jpeg")
    page = person.open(site.page("/firefox-portrait", "<img id=it src=/portrait.jpg alt=portrait>"))
    daemon.swap_for_real()
    person.swap(page, "#it")
    job = person.until(
        lambda: next((job for job in daemon.jobs() if job["state"] == "done" and is_of(job, reference)), None)
    )
    (face,) = job["result"]["faces"]
    assert face["swapped"]
    assert face["identity"]["to_reference"] > face["identity"]["before"]
    assert person.until(lambda: person.shows_result(page, "#it"))


def is_of(job: dict[str, Any], reference: dict[str, Any]) -> bool:
    return job["reference"] in (f"ref:{reference['id']}", [f"ref:{reference['id']}"])
