"""`apply` under every fault, on one real stack: it ends on the old or the new configuration as a whole, says which, and
nothing that ran runs worse than before."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from apply_support import ALERT, AppliedStack, fill
from killed_apply import STEPS
from native_support import marked
from running import ended
from stackgen.history import History
from stackgen.history.attempt import ROOM
from support import copy_checkout, port_variables, unavailable
from waiting import until

pytestmark = pytest.mark.native

OLD = "the files and the running stack are on the old configuration"
NEW = "live: stack_config_info"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppliedStack]:
    """One stack for all, on a small disk of its own where this user may mount one."""
    root = tmp_path_factory.mktemp("apply") / "watchstack"
    root.mkdir()
    small = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=600m,mode=700", "tmpfs", str(root)], capture_output=True, check=False
        ).returncode
    )
    made = AppliedStack(copy_checkout(root), port_variables(), "native", DOCKER_HOST="unix:///nonexistent/docker.sock")
    made.simplify()
    try:
        made.edit()
        made.up("--wait")
        yield made
    finally:
        made.command("down", check=False)
        left = marked(root / ".stack")
        for process in left:
            process.kill()
        if small:
            subprocess.run(["umount", "-l", str(root)], check=True)
    assert left == [], "down left processes behind"


@pytest.fixture
def old(stack: AppliedStack) -> tuple[int, dict[str, str]]:
    """The configuration that is in force before the test: the number of its edit, and its files."""
    numbers = until(lambda: now if (now := stack.live())[0] == now[1] > 0 else None, why="both parts are on one edit")
    stack.is_whole()
    return numbers[0], stack.files()


def is_live(stack: AppliedStack, number: int) -> None:
    until(lambda: stack.live() == (number, number), why=lambda: f"both parts are on {number}, not on {stack.live()}")


def is_old(stack: AppliedStack, old: tuple[int, dict[str, str]]) -> None:
    is_live(stack, old[0])
    assert stack.files() == old[1]
    stack.is_whole()


def is_new(stack: AppliedStack, number: int) -> None:
    is_live(stack, number)
    stack.is_whole()
    stack.is_current()


def test_an_edit_is_told_applied_and_timed(stack: AppliedStack, old: tuple[int, dict[str, str]]) -> None:
    # L-06
    number = stack.edit()
    told = stack.command("diff", check=False)
    assert told.returncode == 3
    expected = f"{ALERT} fires at {number} % instead of {old[0]} %, after 5 m"
    assert expected in told.stdout
    assert f"waits for a group's first message {number} s instead of {old[0]} s" in told.stdout
    assert "apply reloads alertmanager, prometheus" in told.stdout.replace(
        "prometheus, alertmanager", "alertmanager, prometheus"
    )
    (stack.root / "stack.yml").touch()  # it is saved now
    said = stack.command("apply")
    assert expected in said.stdout
    seconds = re.search(r"from the last save \(stack.yml\) to live: ([0-9.]+) s", said.stdout)
    assert seconds is not None
    print(f"from save to live: {seconds[1]} s")
    assert float(seconds[1]) < 30
    is_new(stack, number)
    assert stack.command("diff").stdout.splitlines() == ["no change against what runs", "no generated file differs"]


def test_what_promtool_rejects_changes_nothing(stack: AppliedStack, old: tuple[int, dict[str, str]]) -> None:
    bad = stack.root / "rules" / "custom" / "bad.yml"
    bad.parent.mkdir(exist_ok=True)
    bad.write_text(
        "groups:\n  - name: bad\n    rules:\n      - {alert: Bad, expr: 'rate(up)', labels: {severity: info}}\n"
    )
    try:
        done = stack.command("apply", check=False)
    finally:
        bad.unlink()
    assert done.returncode in (1, 4)
    assert "bad.yml" in done.stdout + done.stderr
    is_old(stack, old)


def test_a_broken_message_template_changes_nothing(stack: AppliedStack, old: tuple[int, dict[str, str]]) -> None:
    bad = stack.root / "alertmanager" / "templates" / "bad.tmpl"
    bad.write_text('{{ define "bad" }}{{ if }}{{ end }}\n')
    try:
        done = stack.command("apply", check=False)
    finally:
        bad.unlink()
    assert done.returncode in (1, 4)
    assert "bad.tmpl" in done.stdout + done.stderr
    is_old(stack, old)


def test_what_prometheus_refuses_is_taken_back(stack: AppliedStack, old: tuple[int, dict[str, str]]) -> None:
    # a rule file goes bad on the disk between promtool and Prometheus, which reads it when it is let go on
    stack.edit()
    rules = stack.root / ".stack" / "config" / "prometheus" / "rules" / "edited.yml"
    before, plan = rules.read_bytes(), stack.plan()
    stack.freeze("prometheus")
    try:
        process = stack.start("apply")
        until(lambda: stack.plan() != plan and rules.read_bytes() != before, why="the new files are there")
        rules.write_text("groups: [{name: edited, rules: [{alert: Bad, expr: 'rate(up)'}]}]\n")
    finally:
        stack.thaw("prometheus")
    code, said = ended(process)
    assert code == 1, said
    assert "prometheus refused the new configuration" in said
    assert OLD in said
    is_old(stack, old)


def test_a_prometheus_that_hangs(stack: AppliedStack, old: tuple[int, dict[str, str]]) -> None:
    pid = stack.pid("prometheus")
    stack.edit()
    stack.freeze("prometheus")
    try:
        done = stack.command("apply", "--within", "1", check=False)
    finally:
        stack.thaw("prometheus")
    assert done.returncode == 1
    assert "prometheus" in done.stderr
    assert "the files are those of the old configuration" in done.stderr
    is_old(stack, old)
    assert stack.pid("prometheus") == pid


def test_an_alertmanager_that_hangs(stack: AppliedStack, old: tuple[int, dict[str, str]]) -> None:
    stack.edit()
    stack.freeze("alertmanager")
    try:
        done = stack.command("apply", "--within", "1", check=False)
    finally:
        stack.thaw("alertmanager")
    assert done.returncode == 1
    assert re.search("alertmanager (does not answer|is unhealthy)", done.stderr), done.stderr
    is_old(stack, old)


@pytest.mark.parametrize("part", ["prometheus", "alertmanager"])
def test_a_part_that_cannot_come_up(stack: AppliedStack, old: tuple[int, dict[str, str]], part: str) -> None:
    stack.edit()
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with stack.nobody_starts_anything():
            os.kill(stack.pid(part), signal.SIGKILL)
            port = int(stack.ports[f"{part.upper()}_PORT"])
            until(lambda: holder.bind(("127.0.0.1", port)) or True, why="its port is taken before it is started again")
            holder.listen(1)
        until(lambda: stack.status_of(part)["state"] != "healthy", why=f"{part} cannot come up")
        done = stack.command("apply", "--within", "3", check=False)
        assert done.returncode == 1
        assert re.search(rf"{part}: port|{part} is (starting|unhealthy|failed)|{part} does not", done.stderr), (
            done.stderr
        )
        assert stack.files() == old[1]
    until(lambda: stack.value(part, f"{part}_config_last_reload_successful") == 1, 120, f"{part} comes back")
    is_old(stack, old)


@pytest.mark.parametrize("part", ["prometheus", "alertmanager"])
def test_a_part_that_dies_between_reload_and_read_back(
    stack: AppliedStack, old: tuple[int, dict[str, str]], part: str
) -> None:
    number, plan = stack.edit(), stack.plan()
    pid = stack.pid(part)
    stack.freeze(part)  # it gets the signal and never reads
    process = stack.start("apply")
    try:
        until(lambda: stack.plan() != plan, why="the parts are told")
    finally:
        os.kill(pid, signal.SIGKILL)
    code, said = ended(process)
    assert code == 0, said
    assert NEW in said, "started again, it reads the new files"
    assert stack.pid(part) != pid
    is_new(stack, number)


def test_a_dead_part_reads_the_new_files_when_it_comes_back(
    stack: AppliedStack, old: tuple[int, dict[str, str]]
) -> None:
    number = stack.edit()
    os.kill(stack.pid("prometheus"), signal.SIGKILL)
    assert NEW in stack.command("apply").stdout
    is_new(stack, number)


@pytest.mark.parametrize("beyond", [-1, 32 << 10, 80 << 10], ids=["nothing", "a little", "more"])
def test_a_full_disk(stack: AppliedStack, old: tuple[int, dict[str, str]], beyond: int) -> None:
    # what is free beyond the reserve that the journal takes: the disk fills up in the midst of it
    if not os.path.ismount(stack.root):
        unavailable("a disk of its own can be mounted by root alone")
    number = stack.edit()
    free = 2 * sum(Path(path).stat().st_size for path in old[1]) + ROOM + beyond if beyond > 0 else 0
    filler = stack.root / "filler"
    fill(filler, free)
    try:
        done = stack.command("apply", check=False)
        whole = until(lambda: now if (now := stack.live()) in ((old[0],) * 2, (number,) * 2) else None, why="one edit")
    finally:
        filler.unlink()
    assert "Traceback" not in done.stderr
    print(f"{beyond}: exit code {done.returncode}, {done.stderr.splitlines()[-2:]}")
    if beyond > 32 << 10 and done.returncode == 0:
        is_new(stack, number)
        return
    assert done.returncode in (1, 4)
    assert "fault of ./stack itself" not in done.stderr
    assert "No space left" in done.stderr
    assert whole == (old[0], old[0])
    is_old(stack, old)
    assert NEW in stack.command("apply").stdout, "the same edit goes through once there is room"


@pytest.mark.parametrize("step", [name for name in STEPS if name != "while it is taken back"])
def test_killed_at(stack: AppliedStack, old: tuple[int, dict[str, str]], step: str) -> None:
    number = stack.edit()
    said = stack.killed(step)
    assert NEW not in said
    began = time.monotonic()
    after = stack.command("status")
    print(f"killed {step}: {time.monotonic() - began:.1f} s, {after.stdout.splitlines()[0]}")
    assert "was interrupted" in after.stdout
    if "it is finished" in after.stdout:
        is_new(stack, number)
        newest, *others = [entry.digest for entry in History(stack.root / ".stack").entries()]
        assert newest not in others[:1], "it is in the history once"
    else:
        assert OLD in after.stdout
        is_old(stack, old)
    assert "interrupted" not in stack.command("status").stdout


def test_killed_while_it_is_taken_back(stack: AppliedStack, old: tuple[int, dict[str, str]]) -> None:
    stack.edit()
    stack.freeze("prometheus")
    try:
        stack.killed("while it is taken back", "--within", "1")
    finally:
        stack.thaw("prometheus")
    assert OLD in stack.command("status", check=False).stdout
    is_old(stack, old)


def test_an_interrupt_takes_it_back(stack: AppliedStack, old: tuple[int, dict[str, str]]) -> None:
    plan = stack.plan()
    stack.edit()
    stack.freeze("prometheus")
    try:
        process = stack.start("apply")
        until(lambda: stack.plan() != plan, why="the parts are told")
        process.send_signal(signal.SIGINT)
    finally:
        stack.thaw("prometheus")
    code, said = ended(process)
    assert code == 130, said
    assert OLD in said
    assert "Traceback" not in said
    is_old(stack, old)


def test_two_at_once_the_second_waits_or_refuses(stack: AppliedStack, old: tuple[int, dict[str, str]]) -> None:
    number, plan = stack.edit(), stack.plan()
    stack.freeze("prometheus")
    try:
        first = stack.start("apply", "--within", "300")
        until(lambda: stack.plan() != plan, why="the parts are told")
        refused = stack.command("--lock-wait", "0.2", "apply", check=False)
        second = stack.start("--lock-wait", "300", "apply")
        heard = second.stdout and second.stdout.readline()
        looked = stack.command("diff", check=False).stdout
    finally:
        stack.thaw("prometheus")
    outcomes = [ended(first), ended(second)]
    assert [code for code, _ in outcomes] == [0, 0], outcomes
    assert all(NEW in said for _, said in outcomes)
    assert heard
    assert f"waiting for ./stack apply (pid {first.pid}" in heard
    assert refused.returncode == 4
    assert f"./stack apply (pid {first.pid}" in refused.stderr
    assert "interrupted" not in looked, "who only looks does not disturb"
    is_new(stack, number)


def test_rollback_puts_sources_files_and_parts_back(stack: AppliedStack, old: tuple[int, dict[str, str]]) -> None:
    number = stack.edit()
    extra = stack.root / "rules" / "custom" / "extra.yml"
    extra.parent.mkdir(exist_ok=True)
    extra.write_text("groups:\n  - {name: extra, rules: [{record: 'a:b', expr: '1'}]}\n")
    stack.command("apply")
    applied = stack.root.joinpath("stack.yml").read_text()
    edited = stack.edit()  # not applied: a rollback keeps it
    said = stack.command("apply", "--rollback").stdout
    assert "are kept as version" in said
    assert "back to version" in said
    assert NEW in said
    assert f"memory_warning: {old[0]}" in (stack.root / "stack.yml").read_text()
    assert not extra.exists()
    is_live(stack, old[0])
    assert stack.files() == old[1]
    listed = stack.command("apply", "--history").stdout
    print(listed)
    numbers = [int(line.split()[0]) for line in listed.splitlines()[1:]]
    assert numbers == sorted(numbers, reverse=True)
    assert "applied (rollback to" in listed.splitlines()[1]
    assert "set aside" in listed.splitlines()[2]
    aside = next(entry for entry in History(stack.root / ".stack").entries() if entry.number == numbers[1])
    assert f"memory_warning: {edited}".encode() in History(stack.root / ".stack").contents(aside.sources)["stack.yml"]
    stack.command("apply", "--rollback", str(numbers[2]))
    assert (stack.root / "stack.yml").read_text() == applied
    assert extra.exists()
    is_live(stack, number)
    extra.unlink()
    wrong = stack.command("apply", "--rollback", "9999", check=False)
    assert wrong.returncode == 4
    assert "there is no version 9999" in wrong.stderr


def test_a_rollback_that_fails_puts_the_sources_back_too(stack: AppliedStack, old: tuple[int, dict[str, str]]) -> None:
    number = stack.edit()
    stack.command("apply")
    before = (stack.root / "stack.yml").read_text()
    files = stack.files()
    stack.freeze("prometheus")
    try:
        done = stack.command("apply", "--rollback", "--within", "1", check=False)
    finally:
        stack.thaw("prometheus")
    assert done.returncode == 1
    assert (stack.root / "stack.yml").read_text() == before
    assert stack.files() == files
    is_live(stack, number)


def test_down_after_a_kill_puts_the_files_back(stack: AppliedStack, old: tuple[int, dict[str, str]]) -> None:
    stack.edit()
    stack.killed("when the parts' files are there")
    said = stack.command("down").stdout
    assert "was interrupted" in said
    assert "on the old configuration" in said
    assert "every part has ended" in said
    assert stack.files() == old[1]
