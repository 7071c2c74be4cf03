"""A notification says its buttons and its picture in the words of freedesktop.org's specification."""

import io

import PIL.Image

from mien_tray.notifications import name_actions, read_picture


def test_a_click_on_the_notification_does_what_its_first_button_does() -> None:
    assert name_actions(["Show", "Other"]) == ["default", "Show", "0", "Show", "1", "Other"]


def test_a_picture_is_rows_of_rgb() -> None:
    made = io.BytesIO()
    PIL.Image.new("RGB", (3, 2), (250, 0, 0)).save(made, "jpeg")
    width, height, row, alpha, bits, channels, pixels = read_picture(made.getvalue())
    assert (width, height, row, alpha, bits, channels, len(pixels)) == (3, 2, 9, False, 8, 3, 18)
    assert pixels[0] > 200 > 60 > pixels[1]
