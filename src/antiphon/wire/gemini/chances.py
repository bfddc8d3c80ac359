"""Log probabilities of an answer's tokens, both ways. Source: google-genai 3.6.1, `types.LogprobsResult`."""

# JSON comes in here: what a value is, is found out by looking at it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from typing import Any

from antiphon.wire.fields import as_list, as_object


def decode_chances(value: object) -> dict[str, Any] | None:
    """Read `logprobsResult`; None where it isn't what it should be. A token's number goes along as `token_id`."""
    fields = as_object(value)
    chosen = as_list(fields.get("chosenCandidates")) if fields else None
    if fields is None or chosen is None:
        return None
    tops = as_list(fields.get("topCandidates")) or []
    content: list[dict[str, Any]] = []
    for index, token in enumerate(chosen):
        said = _token(token)
        if said is None:
            return None
        top = as_object(tops[index]) if index < len(tops) else None
        others = [_token(other) for other in as_list((top or {}).get("candidates")) or ()]
        said["top_logprobs"] = [other for other in others if other is not None]
        content.append(said)
    return {"content": content}


def _token(value: object) -> dict[str, Any] | None:
    fields = as_object(value)
    token, chance = (fields.get("token"), fields.get("logProbability", 0)) if fields else (None, None)
    if fields is None or type(token) is not str or type(chance) not in (int, float):
        return None
    out = {"token": token, "logprob": chance, "bytes": list(token.encode(errors="replace"))}
    if type(fields.get("tokenId")) is int:
        out["token_id"] = fields["tokenId"]
    return out


def encode_chances(value: dict[str, Any]) -> dict[str, Any] | None:
    """Write `logprobsResult`; None where there are no tokens."""
    content = as_list(value.get("content"))
    if content is None:
        return None
    entries = [entry for entry in map(as_object, content) if entry is not None]
    out: dict[str, Any] = {"chosenCandidates": [_said(entry) for entry in entries]}
    tops = [[top for top in map(as_object, as_list(entry.get("top_logprobs")) or ()) if top] for entry in entries]
    if any(tops):
        out["topCandidates"] = [{"candidates": [_said(other) for other in top]} for top in tops]
    return out


def _said(entry: dict[str, Any]) -> dict[str, Any]:
    out = {"token": entry.get("token", ""), "logProbability": entry.get("logprob", 0)}
    if "token_id" in entry:
        out["tokenId"] = entry["token_id"]
    return out
