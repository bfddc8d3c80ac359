"""A gateway with guards, a public deployment and a private one, for whoever means harm."""

import http.client
import json
from typing import Any

from rig.fleet import Json, fleet
from rig.gateway import ASK_S, Answer, Config, Gateway
from rig.sdk import says

EMAIL = "erika.mustermann@example.org"
AWS = "AKIA" + "Z3MSJV4WWNKWWRQ7"
GUARDS: Json = {
    "people": {"pii": {}, "action": "mask"},
    "keys": {"secrets": {}, "action": "block"},
    "said": {"regex": {"patterns": {"w": {"pattern": "withheld-[a-z]+"}}}, "on": ["answer"], "action": "block"},
}
CLASS = "x-antiphon-data-class"
ASK: Json = {"model": "r", "messages": says("Hi")}


def config(url: str, **more: Any) -> Config:
    """A public deployment and a private one behind a route; whatever is asked as it is goes to the public one."""
    zones: dict[str, Json] = {"open": {}, "inside": {"zone": "private"}}
    made = fleet(url, zones, {"r": {"models": ["open", "inside"], "attempts": 1}})
    made["providers"]["at-open"]["passthrough"] = {"enabled": True, "allow": ["* /**"]}
    made["keys"][0]["passthrough"] = ["at-open"]
    return {**made, "guards": GUARDS, "admin": {"port": 0}, **more}


def admin(gateway: Gateway, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
    """The admin API, asked with its first key."""
    url = (gateway.data / "admin.url").read_text().strip()
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=ASK_S)
    key = (gateway.data / "admin.key").read_text().strip()
    told = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    try:
        connection.request(
            method, path, body, {**told, **{name.replace("_", "-"): one for name, one in headers.items()}}
        )
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): one for name, one in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def as_json(fields: Any) -> bytes:
    return json.dumps(fields).encode()
