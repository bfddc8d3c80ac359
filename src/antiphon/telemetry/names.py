"""Every name that traces use, in one table.

Source: OpenTelemetry semantic conventions for generative AI, repository semantic-conventions-genai,
status Development, read 2026-11. A change there is a change here and nowhere else.
"""

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
RESPONSE_MODEL = "gen_ai.response.model"
MAX_TOKENS = "gen_ai.request.max_tokens"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
CONVERSATION = "gen_ai.conversation.id"
ERROR_TYPE = "error.type"
HTTP_STATUS = "http.response.status_code"

RECEIPT = "antiphon.receipt"
ROUTE = "antiphon.route"
DEPLOYMENT = "antiphon.deployment"
OUTCOME = "antiphon.outcome"
COST_USD = "antiphon.cost_usd"
REASON = "antiphon.attempt.reason"
FAILURE = "antiphon.attempt.failure"
CHOSEN = "antiphon.attempt.chosen"
KEY = "antiphon.attempt.key"
WAITED_S = "antiphon.attempt.waited_seconds"
PASSED_OVER = "antiphon.attempt.passed_over"
STOPPED = "antiphon.stopped"
SHARED = "antiphon.shared"
STEP = "antiphon.step"
RULE = "antiphon.rule"
RECIPE = "antiphon.recipe"
BRANCH = "antiphon.branch"
NOTE = "antiphon.note"
WHAT = "antiphon.note.what"
WHY = "antiphon.note.why"
SCORE = "antiphon.note.score"
FIRST_TOKEN_S = "antiphon.first_token_seconds"  # noqa: S105 - a name, not a credential

CHAT = "chat"
SERVER_SPAN = "antiphon.request"
