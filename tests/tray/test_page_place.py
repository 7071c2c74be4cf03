"""The page that the tray opens at a place goes there, and the code has left the address before it is used."""

import json
import subprocess
from pathlib import Path

import pytest

SESSION = Path(__file__).parents[2] / "daemon/mien_daemon/console/session.js"
OPEN = """
const { Session } = await import(process.argv[1]);
const seen = [];
const kept = new Map();
const session = new Session(
  async (path, init) => {
    seen.push([path, JSON.parse(init.body).code]);
    return { ok: true, json: async () => ({ token: "t", scopes: ["admin"] }) };
  },
  {
    location: { hash: process.argv[2], pathname: "/" },
    history: { replaceState: (state, title, url) => seen.push(["address", url]) },
    storage: { setItem: (key, value) => kept.set(key, value), getItem: (key) => kept.get(key) ?? null },
    channel: { postMessage() {} },
    key: { offer: async () => null, id: async () => null },  // a private window keeps none
  },
);
await session.open();
console.log(JSON.stringify(seen));
"""


PLACES = [
    ("#code=abc", "/"),
    ("#code=abc&view=jobs", "/#/jobs"),
    ("#code=abc&view=a/b", "/#/a%2Fb"),
    ("#code=abc&view=results&item=7", "/#/results/7"),
]


@pytest.mark.parametrize(("fragment", "address"), PLACES)
def test_the_address_keeps_the_place_and_loses_the_code(fragment: str, address: str) -> None:
    command = ["node", "--input-type=module", "-e", OPEN, SESSION.as_uri(), fragment]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [["address", address], ["/v1/session", "abc"]]
