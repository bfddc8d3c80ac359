"""Every command, with its arguments and options."""

from functools import partial

from antiphon import __version__
from antiphon.cli import (
    commands_admin,
    commands_agent,
    commands_approvals,
    commands_audit,
    commands_db,
    commands_policy,
    commands_route,
    commands_scores,
    values,
)
from antiphon.cli.exits import Exit
from antiphon.cli.parser import Parser

EXITS = "Exit codes: " + "; ".join(f"{code.value} {code.meaning}" for code in Exit) + "."
MOST_TOKENS = 2**31 - 1


def parser() -> Parser:
    """The whole tree."""
    top = Parser(
        prog="antiphon",
        description="A control plane for systems built on many language models.",
        epilog=EXITS,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"antiphon {__version__}", help="print the version and end")
    top.beneath(
        ("serve", "run the gateway", _serve),
        ("chat", "ask a model through a gateway, and see what the answer took", _chat),
        ("explain", "show the plan of a request, without running it", _explain),
        ("models", "list the models that a gateway offers", _models),
        (
            "agent",
            "run agents, follow their runs and answer them",
            partial(commands_agent.agent, where=_remote_options),
        ),
        ("receipt", "show what became of a request, and why", _receipt),
        ("feedback", "say how good the answer of a request was", commands_scores.feedback),
        ("quality", "show how good deployments are, by scores of their answers", commands_scores.quality),
        ("spend", "sum up what was spent, and by whom", _spend),
        ("export", "write whole days to Parquet, or their costs in FOCUS' columns", _export),
        ("config", "check, show and compare configurations", _config),
        ("keys", "make, list, rotate and revoke keys", commands_admin.keys),
        ("budgets", "list, make, change and raise budgets, and show how they stand", commands_admin.budgets),
        ("limits", "list, make and change limits", commands_admin.limits),
        ("approvals", "list, show and answer what people are asked", commands_approvals.approvals),
        ("accounts", "make, list, rotate and revoke service accounts", commands_admin.accounts),
        ("bindings", "say who has which role where", commands_admin.bindings),
        ("whoami", "show who you are to the admin API, and what you may", commands_admin.whoami),
        ("changes", "show who changed which keys, budgets and limits", commands_admin.changes),
        ("policy", "check, test, compare and publish policies", commands_policy.policy),
        ("db", "look after the database", commands_db.db),
        ("route", "train and judge the selectors that routes go by", commands_route.route),
        ("audit", "check, export and prove the chains of events", commands_audit.audit),
        ("vault", "erase, hold and reveal what lies sealed, and rotate its keys", commands_audit.vault),
        ("ledger", "look at the ledger's entries, and correct them", commands_db.ledger),
        ("lab", "simulated models", _lab),
        ("doctor", "look for what keeps a gateway from working, and say what to do", _doctor),
        ("version", "print versions of Antiphon and of what it runs on", _version),
    )
    return top


def _config_option(one: Parser) -> None:
    one.add_argument(
        "--config", metavar="FILE", help="configuration (default: ./antiphon.yaml, else the built-in quickstart)"
    )


def _json_option(one: Parser, shape: str) -> None:
    one.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    one.epilog = f"With --json: {shape}"


def _remote_options(one: Parser) -> None:
    one.add_argument(
        "--url",
        type=values.url,
        help="the gateway, with or without /v1 (default: the variable ANTIPHON_URL, else http://127.0.0.1:8080)",
    )
    _key_option(one, "API key (default: the variable ANTIPHON_KEY, which other users of this machine can't see)")


def _key_option(one: Parser, help: str) -> None:
    one.add_argument("--key", metavar="KEY", type=values.key, help=help)


def _serve(one: Parser) -> None:
    one.runs("serve")
    _config_option(one)
    one.add_argument("--host", help="address to listen on, in place of server.host")
    one.add_argument(
        "--port", type=values.whole(0, 65_535), help="port to listen on, 0 for a free one, in place of server.port"
    )
    one.add_argument("--workers", type=values.whole(1, 256), help="worker processes, in place of server.workers")
    one.add_argument("--insecure", action="store_true", help="listen beyond loopback although no key is set")


def _chat(one: Parser) -> None:
    one.runs("chat")
    one.add_argument("prompt", nargs="?", help="what to ask (default: read stdin; on a terminal, converse until /quit)")
    one.add_argument("--model", default="auto", help="public model name (default: %(default)s)")
    one.add_argument("--system", help="a system message")
    one.add_argument("--max-tokens", type=values.whole(1, MOST_TOKENS), help="most output tokens")
    one.add_argument(
        "--session", type=values.name, help="name of the session, for receipts (default: one for each conversation)"
    )
    one.add_argument(
        "--timeout", type=values.seconds, default=600.0, help="seconds for the whole answer (default: %(default)g)"
    )
    _remote_options(one)
    _json_option(
        one,
        "{answer, model, deployment, finish_reason, usage: {input_tokens, cached_tokens, output_tokens,\n"
        "reasoning_tokens} or null, cost_usd or null, first_token_s or null, total_s, receipt}. Token totals\n"
        "include cached and reasoning tokens.",
    )


def _models(one: Parser) -> None:
    one.runs("models")
    _remote_options(one)
    _json_option(one, "the answer of GET /v1/models.")


def _receipt(one: Parser) -> None:
    one.beneath(
        ("show", "show one receipt, from the data directory or from a gateway", _receipt_show),
        ("replan", "decide a receipt's request again, under its configuration or another", _receipt_replan),
    )


def _receipt_replan(one: Parser) -> None:
    one.runs("replan")
    one.add_argument("id", help="the receipt's id, as in the header x-antiphon-receipt")
    one.add_argument(
        "--url", type=values.url, help="have the receipt from this gateway, rather than the data directory"
    )
    _key_option(one, "API key for --url (default: the variable ANTIPHON_KEY)")
    _config_option(one)
    _json_option(
        one,
        "{receipt, revision: {then, now}, same, then, now, refused}; then and now are plans with their hash, or null.\n"
        "Exit code 1 when the plan is another.",
    )


def _explain(one: Parser) -> None:
    one.runs("explain")
    one.add_argument("prompt", nargs="?", help="what would be asked (default: read stdin)")
    one.add_argument("--model", default="auto", help="public model name (default: %(default)s)")
    one.add_argument("--system", help="a system message")
    one.add_argument("--body", metavar="FILE", help="a whole request as JSON, `-` for stdin, in place of a prompt")
    one.add_argument(
        "--dialect",
        choices=("openai_chat", "openai_responses", "anthropic_messages", "gemini"),
        default="openai_chat",
        help="of --body (default: %(default)s)",
    )
    one.add_argument("--objective", choices=("cheapest", "best", "fastest"), help="as x-antiphon-objective says it")
    one.add_argument("--impact", choices=("low", "medium", "high"), help="as x-antiphon-impact says it")
    _remote_options(one)
    _json_option(one, "the answer of POST /v1/explain.")


def _receipt_show(one: Parser) -> None:
    one.runs("receipt")
    which = one.add_mutually_exclusive_group(required=True)
    which.add_argument("id", nargs="?", help="the receipt's id, as in the header x-antiphon-receipt")
    which.add_argument("--last", action="store_true", help="the newest one, probes aside (data directory only)")
    one.add_argument(
        "--analyze", action="store_true", help="show what was predicted beside what came, and how deployments stood"
    )
    one.add_argument("--content", action="store_true", help="show captured content too (data directory only)")
    one.add_argument("--url", type=values.url, help="ask this gateway, rather than the data directory")
    _key_option(one, "API key for --url (default: the variable ANTIPHON_KEY)")
    _config_option(one)
    _json_option(one, "the receipt as it is stored; with --content also\ncontent: {request, answer, cut}, texts.")


def _spend(one: Parser) -> None:
    one.runs("spend")
    one.add_argument(
        "--by", default="", help="what to sum by, separated by commas, such as team,model,route (default: all in one)"
    )
    one.add_argument("--since", default="", help="from when on: 7d, 24h, 30m, 2w, a day or a time in UTC (default: 7d)")
    one.add_argument("--until", default="", help="until when, the same way (default: now)")
    one.add_argument("--tenant", default="", help="of this tenant alone (default: all)")
    one.add_argument("--forecast", action="store_true", help="tell where the month, or a window until later, will end")
    one.add_argument(
        "--anomalies", action="store_true", help="tell hours that cost far more or less than such hours do"
    )
    one.add_argument(
        "--format", choices=("table", "json", "csv"), default="table", help="form of the answer (default: %(default)s)"
    )
    one.add_argument(
        "--lines",
        type=values.whole(1, 1_000_000),
        default=10_000,
        help="most lines, the dearest (default: %(default)s)",
    )
    one.add_argument(
        "--from",
        metavar="PLACE",
        dest="place",
        help="exported files alone: a directory or s3://BUCKET/PREFIX (default: the data directory, and storage.export)",
    )
    one.add_argument(
        "--timeout", type=values.seconds, default=600.0, help="seconds for each question (default: %(default)g)"
    )
    one.add_argument("--url", type=values.url, help="ask this gateway, rather than the data directory")
    _key_option(one, "API key for --url (default: the variable ANTIPHON_KEY)")
    _config_option(one)


def _export(one: Parser) -> None:
    one.runs("export")
    one.add_argument(
        "--day",
        type=values.day,
        help="the day in UTC, such as 2026-11-26 (default: all that are over and not there yet)",
    )
    one.add_argument(
        "--to", metavar="PLACE", help="a directory or s3://BUCKET/PREFIX (default: what storage.export.to says)"
    )
    one.add_argument(
        "--focus", action="store_true", help="the costs of --day in the columns of FOCUS 1.2, rather than its receipts"
    )
    one.add_argument(
        "--format", choices=("parquet", "csv"), default="parquet", help="of --focus (default: %(default)s)"
    )
    one.add_argument(
        "--force", action="store_true", help="also where fewer receipts are in the database than were exported before"
    )
    _config_option(one)
    _json_option(one, "{days: [{day, files: [{table, path, rows}], running, unpriced}]}.")


def _config(one: Parser) -> None:
    one.beneath(
        ("check", "tell every mistake, each with its line and remedy", _config_check),
        ("show", "print the configuration as it is understood, secrets hidden", _config_show),
        ("diff", "compare two configurations, or one with what the admin API owns", _config_diff),
        ("apply", "publish documents of agents by the admin API", _config_apply),
        ("schema", "print the JSON Schema of the configuration, or of a kind of documents", _config_schema),
        ("import", "write a configuration from another gateway's, and tell what could not be carried", _config_import),
    )


def _config_import(one: Parser) -> None:
    one.beneath(
        ("litellm", "read a LiteLLM proxy's config.yaml", _import_litellm),
        ("portkey", "read a Portkey config, JSON", _import_portkey),
    )


def _import_litellm(one: Parser) -> None:
    _importer(one, "litellm")


def _import_portkey(one: Parser) -> None:
    _importer(one, "portkey")


def _importer(one: Parser, verb: str) -> None:
    one.runs("importer", verb)
    one.add_argument("file", metavar="FILE", help="the other gateway's configuration")
    one.add_argument("--out", metavar="FILE", help="file to write, which must not be there yet (default: stdout)")
    _json_option(one, "{configuration, left: [{path, why}]}; the first is YAML as text.")


def _config_check(one: Parser) -> None:
    one.runs("config", "check")
    _config_option(one)
    _json_option(
        one,
        "{valid, problems: [{file, line, path, wrong, remedy}]}; when it is valid also\n"
        "{file, revision, routes: [{name, candidates: [{deployment, lost}]}], providers: [{name, on, why}]}.",
    )


def _config_show(one: Parser) -> None:
    one.runs("config", "show")
    _config_option(one)
    _json_option(one, "the settings, defaults filled in.")


def _config_diff(one: Parser) -> None:
    one.runs("config", "diff")
    one.add_argument(
        "old",
        metavar="OLD",
        nargs="?",
        help="file that holds now; without files, what the admin API owns is compared with the configuration",
    )
    one.add_argument("new", metavar="NEW", nargs="?", help="file that it is compared with")
    one.add_argument("--export", action="store_true", help="without files: print what the admin API owns as YAML")
    commands_admin.where(one)
    one.epilog = (
        "With --json: {old, new, changes: [{path, old, new, needs_restart}],\n"
        "documents: [{id, state: new|changed|gone, old, new}]}; the first two are revisions. Without files:\n"
        "{drift: [{section, name, by, version, spec, differs: null or {field: [file, admin API]}}],\n"
        "documents: [{id, state: new|changed|gone|api, old, new}]}: from what the gateway works by to the configuration."
    )


def _config_schema(one: Parser) -> None:
    one.runs("config", "schema")
    one.add_argument("--kind", help="of documents of this kind, such as Agent (default: of the configuration)")


def _config_apply(one: Parser) -> None:
    one.runs("documents")
    one.add_argument("files", nargs="+", metavar="FILE", help="files of documents, or patterns of them")
    one.add_argument("--check", action="store_true", help="only tell what would be published")
    commands_admin.where(one)
    one.epilog = "With --json: {data: [{id, kind, name, version, digest, state: new|same}]}."


def _lab(one: Parser) -> None:
    one.beneath(("serve", "run lab models as an HTTP server of their own", _lab_serve))


def _lab_serve(one: Parser) -> None:
    one.runs("lab")
    one.add_argument(
        "--models", metavar="FILE", help="YAML of lab models (default: lab-fast, lab-balanced, lab-premium)"
    )
    one.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    one.add_argument(
        "--port",
        type=values.whole(0, 65_535),
        default=8090,
        help="port to listen on, 0 for a free one (default: %(default)s)",
    )


def _doctor(one: Parser) -> None:
    one.runs("doctor")
    one.add_argument("--profiles", action="store_true", help="list the known providers instead")
    _config_option(one)
    _json_option(
        one,
        "{ok, findings: [{about, state: ok|note|wrong, found, remedy}]}; with --profiles\n"
        "{profiles: [{name, base_url, needs_key, source, as_of, note}]}.",
    )


def _version(one: Parser) -> None:
    one.runs("version")
    _json_option(one, "{antiphon, python, uvloop, httptools, msgspec, sqlite, openssl}.")
