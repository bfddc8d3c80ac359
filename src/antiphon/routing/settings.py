"""Public names and where they lead."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from antiphon.routing.settings_rules import RuledSettings

OnCut = Literal["fail", "continue"]
OnLoss = Literal["allow", "warn", "refuse"]
FallbackNames = Annotated[list[str], Meta(max_length=32)]


class FallbackSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who takes over, by what went wrong. Names of models or routes, tried in order; a route brings its own fallbacks."""

    any: Annotated[
        FallbackNames,
        Meta(
            description="When the route's own deployments fail, are full or are left alone. Default: nobody.",
        ),
    ] = []
    context_window: Annotated[
        FallbackNames, Meta(description="When a request is too long for the model. Default: nobody.")
    ] = []
    content_policy: Annotated[
        FallbackNames, Meta(description="When the provider refuses the content. Default: nobody.")
    ] = []


class LastResortSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done when nobody could answer. It never passes for a model's answer."""

    respond: Annotated[
        str,
        Meta(
            max_length=4000,
            description="Text to answer with in place of the error, up to 4000 characters. The answer's model is `antiphon/last-resort`, its header `x-antiphon-last-resort: respond`, and the receipt stays `failed`. Default: the error.",
        ),
    ] = ""
    hand_off: Annotated[
        str,
        Meta(
            max_length=64,
            description="Who takes the request over, such as a support queue, up to 64 characters: named in the receipt, the log line `request.handed_off` and the header `x-antiphon-hand-off`. Default: nobody.",
        ),
    ] = ""


class RouteSettings(RuledSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A public model name: the deployments that may answer for it."""

    models: Annotated[list[str], Meta(description="Names under `models`. Default: none.")] = []
    tiers: Annotated[list[str], Meta(description="Every deployment of these tiers. Default: none.")] = []
    prompt: Annotated[
        str | None, Meta(description="Name under `prompts`; its text goes before the caller's messages. Default: none.")
    ] = None
    description: Annotated[str, Meta(description="Shown by GET /v1/models. Default: none.")] = ""
    attempts: Annotated[
        int,
        Meta(
            ge=1,
            le=20,
            description="The most attempts for one request, over keys, retries, fallbacks and hedges, 1 to 20. Default 4.",
        ),
    ] = 4
    timeout_s: Annotated[
        Annotated[float, Meta(gt=0, le=86_400)] | None,
        Meta(
            description="Seconds that a request may take, all attempts included: above 0, up to 86400. Default null: `calls.deadline.max_s`."
        ),
    ] = None
    fallbacks: Annotated[FallbackSettings, Meta(description="Who takes over, by what went wrong.")] = FallbackSettings()
    on_cut: Annotated[
        OnCut,
        Meta(
            description="When a stream breaks after its first content: `fail` ends it with an error event; `continue` lets another deployment go on from the text so far, where one can. Default fail."
        ),
    ] = "fail"
    on_loss: Annotated[
        OnLoss,
        Meta(
            description="When something of a request can't be carried to the model that would answer: `allow` tells it in the receipt and the header `x-antiphon-losses`; `warn` also logs `request.lossy`; `refuse` asks another deployment, and answers 400 when none can carry it. What is carried in another form is no loss here. Default allow."
        ),
    ] = "allow"
    last_resort: Annotated[LastResortSettings, Meta(description="What is done when nobody could answer.")] = (
        LastResortSettings()
    )
