"""Every tier keeps programs in: the same escapes are tried on each that runs here."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from antiphon.core.sandbox import Ran, SandboxLimits, SandboxTier
from antiphon.sandbox.probe import probe
from antiphon.sandbox.settings import SandboxSettings
from antiphon.sandbox.tier import Job, Missing
from antiphon.sandbox.tiers import Tiers

PROCESSES: list[SandboxTier] = ["bubblewrap", "landlock"]
ALL: list[SandboxTier] = ["monty", *PROCESSES]
LIMITS = SandboxLimits(cpu_s=1.0, wall_s=20.0, memory_bytes=268_435_456, output_bytes=10_000)


async def opened(name: SandboxTier) -> Tiers:
    tiers = Tiers(SandboxSettings(tiers=[name], wall_s=20.0))
    (probed,) = await tiers.probed()
    if probed.why:
        await tiers.close()
        pytest.skip(f"the tier {name} can't run here: {probed.why}")
    return tiers


@pytest.fixture(params=ALL)
async def tier(request: pytest.FixtureRequest) -> AsyncIterator[Tiers]:
    tiers = await opened(request.param)
    yield tiers
    await tiers.close()


@pytest.fixture(params=PROCESSES)
async def process(request: pytest.FixtureRequest) -> AsyncIterator[Tiers]:
    """Tiers that run all of Python."""
    tiers = await opened(request.param)
    yield tiers
    await tiers.close()


def ended(ran: Ran) -> str:
    """The name of what a program raised at its end; empty: nothing."""
    assert ran.refused == ""
    last = ran.stderr.strip().splitlines()[-1:] or [""]
    return last[0].partition(":")[0] if ran.exit else ""


async def test_a_program_runs_and_what_it_prints_is_told(tier: Tiers) -> None:
    ran = await tier.run("import json\nprint(json.dumps({'a': sum(range(10))}))", limits=LIMITS)
    assert (ran.exit, ran.stdout, ran.stderr, ran.timed_out) == (0, '{"a": 45}\n', "", False)
    assert ran.took_s > 0


async def test_what_it_raises_is_told_as_python_tells_it(tier: Tiers) -> None:
    ran = await tier.run("def f():\n    assert 1 == 2, 'no'\nf()", limits=LIMITS)
    assert (ran.exit, ran.timed_out) == (1, False)
    assert "AssertionError" in ran.stderr.splitlines()[-1]
    assert "inner.py" not in ran.stderr


async def test_a_program_that_is_none_is_told(tier: Tiers) -> None:
    ran = await tier.run("def f(:", limits=LIMITS)
    assert ran.exit == 1
    assert "SyntaxError" in ran.stderr or "Expected" in ran.stderr


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "/proc/1/cmdline", str(Path(__file__))])
async def test_no_file_outside_is_read(tier: Tiers, path: str) -> None:
    ran = await tier.run(f"print(open({path!r}).read())", limits=LIMITS)
    assert ended(ran) in {"PermissionError", "FileNotFoundError"}
    assert ran.stdout == ""


async def test_no_folder_outside_is_listed(tier: Tiers, tmp_path: Path) -> None:
    for path in ("/", "/etc", str(tmp_path)):
        ran = await tier.run(f"import os\nprint(os.listdir({path!r}))", limits=LIMITS)
        assert ended(ran) in {"PermissionError", "FileNotFoundError"}


async def test_no_file_outside_is_written(tier: Tiers, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("as it was", "utf-8")
    for path in (tmp_path / "new", there, Path("/tmp") / f"antiphon-escape-{os.getpid()}"):
        ran = await tier.run(f"open({str(path)!r}, 'w').write('out')", limits=LIMITS)
        assert ended(ran) in {"PermissionError", "FileNotFoundError", "OSError"}
    assert there.read_text("utf-8") == "as it was"
    assert list(tmp_path.iterdir()) == [there]


async def test_no_listener_is_reached(tier: Tiers, tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener, closing(socket.socket(socket.AF_UNIX)) as local:
        local.bind(str(tmp_path / "local"))
        local.listen()
        port = listener.getsockname()[1]
        for target in (f"('127.0.0.1', {port})", f"('localhost', {port})"):
            ran = await tier.run(f"import socket\nsocket.create_connection({target}, 2)", limits=LIMITS)
            assert ended(ran) in {"PermissionError", "OSError", "ModuleNotFoundError", "gaierror", "socket.gaierror"}
        code = f"import socket\nsocket.socket(socket.AF_UNIX).connect({str(tmp_path / 'local')!r})"
        assert ended(await tier.run(code, limits=LIMITS)) in {"PermissionError", "ModuleNotFoundError"}
        for waiting in (listener, local):
            waiting.setblocking(False)
            with pytest.raises(BlockingIOError):
                waiting.accept()


async def test_no_datagram_reaches_a_listener_by_its_path(process: Tiers, tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listener:
        listener.bind(str(tmp_path / "local"))
        listener.setblocking(False)
        code = f"""
import socket
one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
one.send(b"in")
print(other.recv(2))
one.sendto(b"out", {str(tmp_path / "local")!r})
"""
        ran = await process.run(code, limits=LIMITS)
        assert (ended(ran), ran.stdout) == ("PermissionError", "b'in'\n")
        with pytest.raises(BlockingIOError):
            listener.recv(3)


async def test_a_loop_without_end_is_ended(tier: Tiers) -> None:
    ran = await tier.run("while True: pass", limits=SandboxLimits(cpu_s=1.0, wall_s=20.0))
    assert (ran.exit, ran.timed_out) == (None, True)


async def test_more_memory_than_it_may_take_is_not_given(tier: Tiers) -> None:
    for code in ("x = 'a' * 10**9", "x = []\nwhile True: x.append('a' * 100000)"):
        ran = await tier.run(code, limits=LIMITS)
        assert ended(ran) == "MemoryError" or ran.exit is None


async def test_output_without_end_is_cut_off(tier: Tiers) -> None:
    ran = await tier.run("while True: print('x' * 1000)", limits=LIMITS)
    assert ran.exit != 0
    assert len(ran.stdout) <= LIMITS.output_bytes


async def test_an_endless_recursion_ends(tier: Tiers) -> None:
    assert ended(await tier.run("def f(): return f()\nf()", limits=LIMITS)) == "RecursionError"


async def test_runs_know_nothing_of_each_other(tier: Tiers) -> None:
    await tier.run("import json\njson.secret = 1\nsecret = 1", limits=LIMITS)
    ran = await tier.run("print(secret)", limits=LIMITS)
    assert ended(ran) == "NameError"


async def test_the_gateway_s_environment_is_not_there(process: Tiers) -> None:
    ran = await process.run("import os\nprint(sorted(os.environ))", limits=LIMITS)
    assert ran.exit == 0
    assert set(ran.stdout.strip("[]\n").replace("'", "").split(", ")) <= {"PWD", "LC_CTYPE"}


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.fork()",
        "import os\nwhile True: os.fork()",
        "import subprocess\nsubprocess.run(['/bin/true'])",
        "import os\nos.execv('/bin/true', ['true'])",
        "import os\nos.posix_spawn('/bin/true', ['true'], {})",
        "import os\nos.system('true') and open('/etc/passwd')",
        "import multiprocessing\nmultiprocessing.Process(target=print).start()",
        "import os\nos.kill(os.getppid(), 9)",
        "import os\nos.kill(1, 0)",
        "import os\nos.setuid(0) or os.setgroups([0])",
        "import os\nos.chroot('/')",
        "import os\nos.symlink('/etc/passwd', 'link')",
        "import os\nos.mkfifo('pipe')",
        "import os\nos.truncate('/etc/passwd', 0)",
        "import os\nos.chmod('/tmp', 0o777)",
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nassert libc.ptrace(16, 1, 0, 0) == 0",
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nassert libc.unshare(0x10000000) == 0",
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nassert libc.mount(b'a', b'/', b'tmpfs', 0, None) == 0",
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nassert libc.syscall(101, 16, 1, 0, 0) == 0",
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nassert libc.prctl(22, 0) == 0",
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nassert libc.open_by_handle_at(0, 0, 0) >= 0",
    ],
)
async def test_no_process_is_begun_signalled_or_taken_over_and_no_right_gained(process: Tiers, code: str) -> None:
    ran = await process.run(code, limits=LIMITS)
    assert ran.exit == 1, ran


async def test_threads_and_an_event_loop_work(process: Tiers) -> None:
    code = """
import asyncio, threading
seen = []
thread = threading.Thread(target=seen.append, args=("thread",))
thread.start(); thread.join()
async def main():
    await asyncio.to_thread(seen.append, "loop")
asyncio.run(main())
print(seen)
"""
    ran = await process.run(code, limits=LIMITS)
    assert (ran.exit, ran.stdout) == (0, "['thread', 'loop']\n")


async def test_the_standard_library_is_there_and_no_installed_package(process: Tiers) -> None:
    ran = await process.run("import decimal, heapq, re, sqlite3, statistics, zlib, hashlib, datetime", limits=LIMITS)
    assert (ran.exit, ran.stderr) == (0, "")
    assert ended(await process.run("import msgspec", limits=LIMITS)) == "ModuleNotFoundError"


async def test_it_reads_its_files_and_stdin(process: Tiers) -> None:
    code = "import sys\nprint(open('data.csv', encoding='utf-8').read() + sys.stdin.read())"
    ran = await process.run(code, stdin="é in", files={"data.csv": "ü,1;".encode()}, limits=LIMITS)
    assert (ran.exit, ran.stdout) == (0, "ü,1;é in\n")


@pytest.mark.parametrize("name", ["../out", "a/b", "/etc/x", ""])
async def test_a_file_has_a_name_without_folders(process: Tiers, name: str) -> None:
    with pytest.raises(ValueError, match="no name of a file"):
        await process.run("1", files={name: b""}, limits=LIMITS)


async def test_its_exit_is_told_and_no_exit_passes_for_a_sandbox_that_was_not_set_up(process: Tiers) -> None:
    for code, said in ((3, ""), (97, "the sandbox couldn't be set up"), (1, "bwrap: no")):
        ran = await process.run(f"import sys\nprint({said!r}, file=sys.stderr)\nsys.exit({code})", limits=LIMITS)
        assert (ran.exit, ran.refused) == (code, "")


async def test_a_sleep_is_ended_by_the_wall_time(process: Tiers) -> None:
    ran = await process.run("import time\ntime.sleep(600)", limits=SandboxLimits(wall_s=1.0))
    assert (ran.exit, ran.timed_out) == (None, True)


async def test_who_stops_waiting_leaves_no_process(process: Tiers) -> None:
    before = _children()  # gateways that other tests share
    program = asyncio.create_task(process.run("import time\nprint('on', flush=True)\ntime.sleep(600)", limits=LIMITS))
    while not (begun := _children() - before):
        await asyncio.sleep(0)
    program.cancel()
    with pytest.raises(asyncio.CancelledError):
        await program
    assert not begun & _children()


def _children() -> set[str]:
    """Processes that this one began."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split())


async def test_what_fills_its_folder_is_stopped(process: Tiers) -> None:
    code = "n = 0\nwhile True:\n    open(f'f{n}', 'wb').write(b'x' * 1_000_000)\n    n += 1"
    assert ended(await process.run(code, limits=LIMITS)) in {"OSError", "PermissionError"}


# How tiers work together.


async def test_what_one_tier_lacks_the_next_runs() -> None:
    tiers = await opened("monty")
    await tiers.close()
    both = Tiers(SandboxSettings(tiers=["monty", "landlock", "bubblewrap"], wall_s=60.0))
    if [probed.why for probed in await both.probed()].count("") < 2:
        await both.close()
        pytest.skip("neither bubblewrap nor landlock runs here")
    simple = await both.run("print(1 + 1)")
    harder = await both.run("class A(Exception): pass\nimport heapq\nprint(A, heapq.heappop([3]))")
    wrong = await both.run("assert 1 == 2")
    fed = await both.run("print(input())", stdin="in")
    await both.close()
    assert (simple.tier, simple.stdout) == ("monty", "2\n")
    assert (harder.tier, harder.exit) == ("landlock", 0)
    assert (wrong.tier, wrong.exit) == ("monty", 1)
    assert (fed.tier, fed.stdout) == ("landlock", "in\n")


async def test_where_code_is_refused_nothing_runs() -> None:
    tiers = Tiers(SandboxSettings(tiers=["refuse", "landlock"]))
    ran = await tiers.run("print(1)")
    assert (ran.tier, ran.exit, ran.stdout) == ("refuse", None, "")
    assert ran.refused == "code is refused here"
    assert await tiers.probed() == ()


class Leaking:
    """A tier that keeps nothing in."""

    name: SandboxTier = "landlock"

    async def run(self, job: Job) -> Ran:
        return Ran(tier="landlock", exit=0, stdout="['read a file outside', 'connect']\n")


class Absent:
    name: SandboxTier = "bubblewrap"

    async def run(self, job: Job) -> Ran:
        raise Missing("there is no program bwrap: install bubblewrap")


async def test_a_tier_that_its_self_test_breaks_out_of_says_how() -> None:
    found = await probe(Leaking())
    assert found.why == "it doesn't keep a program in, which could read a file outside, connect"
    assert (await probe(Absent())).why == "there is no program bwrap: install bubblewrap"


async def test_no_more_run_at_once_than_configured() -> None:
    tiers = await opened("landlock")
    await tiers.close()
    tiers = Tiers(SandboxSettings(tiers=["landlock"], concurrency=1))
    await tiers.probed()
    most, before = 0, _children()

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, len(_children() - before))
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(tiers.run("print(1)") for _ in range(3)))
    watching.cancel()
    await tiers.close()
    assert most == 1


@pytest.fixture
async def shell() -> AsyncIterator[Tiers]:
    made = await opened("bubblewrap")
    yield made
    await made.close()


async def test_a_shell_runs_programs_on_its_files(shell: Tiers) -> None:
    code = (
        "sort -rn n.txt | head -1 > best && cat best && ls -la | grep -c n.txt && awk '{s += $1} END {print s}' n.txt"
    )
    ran = await shell.run(code, language="shell", files={"n.txt": b"1\n3\n2\n"}, limits=LIMITS)
    assert (ran.exit, ran.stdout, ran.stderr, ran.tier) == (0, "3\n1\n6\n", "", "bubblewrap")
    assert (await shell.run("cat; exit 3", language="shell", stdin="in", limits=LIMITS)).exit == 3


ESCAPES = {
    "read a file outside": "cat /etc/passwd || cat /etc/hostname",
    "list the root": "ls /",
    "see processes": "ls /proc/1",
    "write outside": "echo out > /usr/bin/out || echo out > /tmp/out || mkdir /out",
    "connect": "bash -c 'exec 3<>/dev/tcp/127.0.0.1/PORT'",
    "make a namespace": "unshare -U true || unshare -n true",
    "be root": "su -c true || mount -t tmpfs none /program",
    "run what it wrote": "cp /usr/bin/true mine && chmod +x mine && ./mine",
}


@pytest.mark.parametrize("name", ESCAPES)
async def test_a_shell_is_kept_in(shell: Tiers, name: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        code = ESCAPES[name].replace("PORT", str(listener.getsockname()[1]))
        ran = await shell.run(f"({code}) && echo escaped", language="shell", limits=LIMITS)
    assert "escaped" not in ran.stdout
    assert ran.stdout == ""


async def test_a_shell_begins_only_so_many_processes_and_all_end_with_it(shell: Tiers) -> None:
    bomb = await shell.run("f() { f | f & }; f; sleep 2; echo end", language="shell", limits=LIMITS)
    assert "Cannot fork" in bomb.stderr
    slow = SandboxLimits(cpu_s=1.0, wall_s=0.5)
    assert (await shell.run("sleep 100 & sleep 100", language="shell", limits=slow)).timed_out


@pytest.mark.parametrize("name", ["monty", "landlock"])
async def test_no_other_tier_runs_a_shell(name: SandboxTier) -> None:
    tiers = await opened(name)
    ran = await tiers.run("echo hi", language="shell", limits=LIMITS)
    await tiers.close()
    assert ran.tier == "refuse"
    assert name in ran.refused
