"""The answers about the daemon's settings."""

from pydantic import Field

from mien_daemon.http.schemas import Answer


class Setting(Answer):
    name: str
    value: bool | int | str
    default: bool | int | str
    meaning: str
    source: str = Field(description='"default", "file", "environment" or "flag".')


class SettingList(Answer):
    settings: list[Setting]
