"""What the gateway tells about itself."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from antiphon.core.secret import Secret


class OtlpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Traces to an OpenTelemetry collector."""

    endpoint: Annotated[
        str,
        Meta(
            pattern="^https?://",
            description="URL that takes OTLP over HTTP, for instance http://127.0.0.1:4318/v1/traces.",
        ),
    ]
    headers: Annotated[dict[str, Secret], Meta(description="Headers to send, such as a token. Default: none.")] = {}
    sample_percent: Annotated[
        float,
        Meta(
            ge=0, le=100, description="Percent of requests that are traced when the caller has not decided. Default 1."
        ),
    ] = 1.0
    service_name: Annotated[str, Meta(min_length=1, description="`service.name` of the spans. Default antiphon.")] = (
        "antiphon"
    )


class TelemetrySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Logs and traces. Metrics are always on, at /metrics."""

    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="Least severe line that is written. Default info."),
    ] = "info"
    log_requests: Annotated[
        Literal["all", "errors", "none"],
        Meta(description="Which requests get a log line of their own. Default errors."),
    ] = "errors"
    otlp: Annotated[OtlpSettings | None, Meta(description="Send traces. Default: none are sent.")] = None
