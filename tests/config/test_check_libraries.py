import subprocess
import sys
from pathlib import Path

import pytest

from antiphon.config.importing.litellm import convert

CLOUDS = {
    "aws": ("botocore", "aws: {region: eu-central-1}"),
    "azure": ("azure-identity", "azure: {identity: managed}"),
    "gcp": ("google-auth", "gcp: {}"),
}
TEXT = """\
providers:
  cloud:
    profile: compatible
    base_url: https://upstream.example/v1
    auth:
      AUTH
models: {one: {provider: cloud}}
"""
RUN = """
import sys
sys.modules[sys.argv.pop(1)] = None
from antiphon.cli.main import main
sys.exit(main())
"""


def without(module: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """A command where a module can't be found."""
    return subprocess.run(
        [sys.executable, "-c", RUN, module, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.processes
@pytest.mark.parametrize(
    ("cloud", "absent"), [("aws", "botocore"), ("azure", "azure.identity"), ("azure", "azure"), ("gcp", "google.auth")]
)
def test_a_library_that_is_missing_is_told_with_its_line(tmp_path: Path, cloud: str, absent: str) -> None:
    library, auth = CLOUDS[cloud]
    file = tmp_path / "antiphon.yaml"
    file.write_text(TEXT.replace("AUTH", auth))

    ran = without(absent, "config", "check", "--config", file)

    assert ran.returncode == 3
    told = f"it needs {library}, which is not installed; run: pip install 'antiphon[{cloud}]'"
    assert ran.stderr == f"{file}:6: providers.cloud.auth.{cloud}: {told}\n1 mistake\n"


@pytest.mark.processes
def test_an_import_needs_no_library(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("model_list: [{model_name: a, litellm_params: {model: bedrock/eu-west-1/amazon.nova-pro-v1:0}}]")

    ran = without("botocore", "config", "import", "litellm", file)

    assert (ran.returncode, ran.stdout) == (0, convert(file).text)
