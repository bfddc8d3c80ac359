"""The built wheel starts in a clean environment, in an empty directory, without a configuration."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from rig.gateway import Gateway

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
ENVIRON = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY") and name != "PYTHONPATH"}


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=ENVIRON, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def venv(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel; its dependencies are lent by this one, so that no network is needed."""
    place = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", "--without-pip", place)
    run(sys.executable, "-m", "pip", "--python", place / "bin/python", "install", "--no-deps", "--no-index", wheel)
    (packages,) = place.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib"))
    return place


def test_it_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"antiphon"}
    assert "antiphon/config/quickstart.yaml" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if "test" in Path(name).name or "__pycache__" in name]


def test_it_serves_a_first_call_without_a_configuration(venv: Path, tmp_path: Path) -> None:
    where = run(venv / "bin/python", "-c", "import antiphon; print(antiphon.__file__)", cwd=tmp_path)
    assert where.startswith(str(venv))
    environ = {name: "" for name in os.environ if name.endswith("_API_KEY")}
    gateway = Gateway(tmp_path, None, command=[str(venv / "bin/antiphon")], environ={**environ, "PYTHONPATH": ""})
    try:
        gateway.start()
        answer = gateway.chat({"model": "auto", "messages": [{"role": "user", "content": "Hello!"}]})
        receipt = gateway.receipt(answer)
        assert gateway.stop() == 0
    finally:
        gateway.close()

    assert "a simulated model" in answer.json["choices"][0]["message"]["content"]
    assert (receipt["asked"], receipt["outcome"], receipt["served"].split("-")[0]) == ("auto", "ok", "lab")
    shown = run(venv / "bin/antiphon", "receipt", "show", "--last", "--json", cwd=tmp_path)
    assert receipt["id"] in shown
    assert "antiphon" in run(venv / "bin/antiphon", "version")
