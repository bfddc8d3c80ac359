"""Requests to AWS are signed."""

import pytest

from antiphon.providers.lab.run import running
from antiphon.providers.lab.settings import LabModel, LabSettings
from rig.dialects import to_dialects
from rig.fixtures import Start
from rig.loop import LoopThread

pytestmark = pytest.mark.processes
pytest.importorskip("botocore", reason="botocore signs requests to AWS; it is in the extra `aws`")
SIGNED = LabSettings(models={"chat": LabModel(tokens_per_s=1e6, answer_tokens=20)}, aws_signature=True)
ASKED = {"model": "bedrock", "messages": [{"role": "user", "content": "Hello!"}]}


@pytest.mark.parametrize("stream", [False, True])
def test_bedrock_gets_a_signature(start: Start, servers: LoopThread, stream: bool) -> None:
    context = running(SIGNED)
    lab = servers.enter(context)
    try:
        config = to_dialects(lab.url)
        keys = {"region": "eu-west-1", "access_key": "AKIATEST", "secret_key": "not-a-secret"}
        config["providers"]["bedrock"] = {"profile": "bedrock", "base_url": lab.url, "auth": {"aws": keys}}
        gateway = start(config)

        answer = gateway.chat({**ASKED, "stream": stream})

        assert answer.status == 200, answer.body
        assert (b"[DONE]" if stream else b"a simulated model") in answer.body
        assert b"not-a-secret" not in gateway.log_file.read_bytes()
    finally:
        servers.leave(context)


def test_without_a_signature_it_is_refused(start: Start, servers: LoopThread) -> None:
    context = running(SIGNED)
    lab = servers.enter(context)
    try:
        config = to_dialects(lab.url)
        config["providers"]["bedrock"] |= {"headers": {"Authorization": "none"}}
        answer = start(config).chat(ASKED)

        assert (answer.status, answer.error["code"]) == (502, "upstream_auth")
    finally:
        servers.leave(context)
