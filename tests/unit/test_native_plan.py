"""Native placement, ports, command lines and the shared files: what stands there before anything is started."""

from __future__ import annotations

import errno
import json
import os
import socket
from pathlib import Path

import pytest
from stackgen.cli.told import example_token
from stackgen.engines import native_commands, native_examples, ports
from stackgen.engines.base import EngineError, PartStatus, State
from stackgen.engines.native_files import Folder, held, read_json, take, unwritable, write_json
from stackgen.engines.native_placement import default_ports, placement
from stackgen.engines.native_plan import PROGRAM, PartPlan, Plan
from stackgen.engines.native_state import PartState, StackState
from stackgen.engines.native_tree import Tree, templates
from stackgen.model import Model
from stackgen.model.stack import Retention, Stack
from stackgen.parts.table import PARTS
from watchstack import init


def model(**fields: object) -> Model:
    return Model(Stack(**fields), (), "0" * 64)  # type: ignore[arg-type]


def test_everything_lies_below_the_checkout_and_on_loopback(tmp_path: Path) -> None:
    places = placement(tmp_path, {"prometheus": 1234})
    assert places["prometheus"].address == "127.0.0.1:1234"
    assert places["prometheus"].data == f"{tmp_path}/.stack/data/prometheus"
    assert places["promtail"].config == places["loki"].config == f"{tmp_path}/.stack/config/loki"
    assert places["alertmanager"].secrets == f"{tmp_path}/secrets"
    assert places.logs == f"{tmp_path}/.stack/logs"
    assert places.target("host.docker.internal:8000") == "127.0.0.1:8000"
    assert "grafana" not in places.places
    assert {place.host for place in places.places.values()} == {"127.0.0.1"}


def test_ports_come_from_the_environment_over_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# ports\nPROMETHEUS_PORT=1111\nexport LOKI_PORT='2222' \nCONSOLE_PORT=3333 # console\n\n"
    )
    found = ports.environment(tmp_path, {"PROMETHEUS_PORT": "4444"})
    chosen = ports.ports(found)
    assert (chosen["prometheus"], chosen["loki"], chosen["console"]) == (4444, 2222, 3333)
    assert chosen["alertmanager"] == default_ports()["alertmanager"]


@pytest.mark.parametrize("value", ["0", "65536", "-1", "http", "9090x", "٣"])
def test_what_is_no_port_names_its_variable(value: str) -> None:
    with pytest.raises(EngineError, match="PROMETHEUS_PORT"):
        ports.ports({"PROMETHEUS_PORT": value})


def test_two_parts_on_one_port_are_an_error() -> None:
    with pytest.raises(EngineError, match="port 9093 is meant for both") as caught:
        ports.ports({"PROMETHEUS_PORT": "9093"})
    assert "PROMETHEUS_PORT" in caught.value.hint
    assert "ALERTMANAGER_PORT" in caught.value.hint


def test_a_broken_line_of_dotenv_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nPROMETHEUS_PORT 9\n")
    with pytest.raises(EngineError, match=r"\.env:2"):
        ports.environment(tmp_path, {})


def test_dotenv_is_read_as_compose_reads_it(tmp_path: Path) -> None:
    """A comment behind quotes, a byte order mark of an editor, `#` inside quotes."""
    (tmp_path / ".env").write_text('\ufeffA="1" # one\nB=\'2\'#two\nC="a # b"\nD=5#6\n', "utf-8")
    assert ports.environment(tmp_path, {}) == {"A": "1", "B": "2", "C": "a # b", "D": "5#6"}


def test_a_dotenv_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("A=café\n".encode("latin-1"))
    with pytest.raises(EngineError, match=r"\.env is not UTF-8"):
        ports.environment(tmp_path, {})


def test_a_taken_port_names_part_port_variable_and_holder() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen(1)
        port = holder.getsockname()[1]
        (taken,) = ports.taken({"prometheus": port, "loki": 1}, ["prometheus"])
    assert str(taken).startswith(f"prometheus: port {port} is held by ")
    assert f"(pid {os.getpid()})" in str(taken)
    assert "PROMETHEUS_PORT" in str(taken)
    assert ports.taken({"prometheus": port}, ["prometheus"]) == []


def test_a_port_that_the_system_keeps_for_root_is_not_called_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker's daemon may have it, whoever runs ./stack."""
    monkeypatch.setattr(ports, "_refused", lambda port: errno.EACCES if port == 80 else 0)
    (found,) = ports.taken({"console": 80, "loki": 1025}, ["console", "loki"])
    assert "console: port 80 is not for this user" in str(found)
    assert "CONSOLE_PORT" in str(found)
    assert ports.taken({"console": 80}, ["console"], as_root=True) == []


def test_commands_listen_on_loopback_and_keep_the_fixed_flags(tmp_path: Path) -> None:  # M-10
    stack = model(retention=Retention("7d", "1d", "5GB"))
    plans = {part.name: part for part in native_commands.plans(tmp_path, stack, placement(tmp_path), {})}
    prometheus = plans["prometheus"].command
    assert prometheus[0] == PROGRAM
    assert "--storage.tsdb.retention.time=7d" in prometheus
    assert "--storage.tsdb.retention.size=5GB" in prometheus
    assert "--rules.alert.resend-delay=15s" in prometheus
    assert "--enable-feature=exemplar-storage" in prometheus
    assert not any("lifecycle" in word or "admin-api" in word for word in prometheus)
    alertmanager = plans["alertmanager"].command
    assert {
        "--data.maintenance-interval=10s",
        "--enable-feature=receiver-name-in-metrics",
        "--cluster.listen-address=",
    } <= set(alertmanager)
    for name in ("prometheus", "alertmanager", "node-exporter"):
        assert f"--web.listen-address=127.0.0.1:{PARTS[name].port}" in plans[name].command
    assert plans["exporter"].variables == {"EXPORTER_LISTEN": "127.0.0.1:9101"}
    assert plans["console"].variables["CONSOLE_RUNBOOKS"] == f"{tmp_path}/docs/runbooks"
    shown = plans["console"].variables["CONSOLE_DASHBOARDS"].split(os.pathsep)
    assert shown == [f"{tmp_path}/.stack/config/grafana/dashboards", f"{tmp_path}/grafana/dashboards/custom"]
    assert plans["containers"].variables["CONTAINERS_API_LISTEN"] == ""


def test_the_examples_read_the_token_of_this_checkout_from_its_file(tmp_path: Path) -> None:  # M-05
    native_examples.want(tmp_path / ".stack", {})
    own = {one.name for one in native_examples.EXAMPLES}
    found = [part for part in native_examples.plans(tmp_path) if part.name in own]
    assert {part.name for part in found} == own
    for part in found:
        told = {name: value for name, value in part.variables.items() if "TOKEN" in name}
        file = f"{tmp_path}/secrets/{init.EXAMPLES_TOKEN}"
        assert told == {"MONITORING_ADMIN_TOKEN": "", "MONITORING_ADMIN_TOKEN_FILE": file}
    assert example_token([PartStatus("example-api", "1", State.HEALTHY, "", 0.0)]).endswith(
        f" the token in secrets/{init.EXAMPLES_TOKEN}"
    )
    assert example_token([PartStatus("prometheus", "3", State.HEALTHY, "", 0.0)]) == ""


def test_profiles_decide_what_runs_and_grafana_never_does() -> None:
    assert "blackbox-exporter" not in native_commands.wanted(model())
    assert "blackbox-exporter" in native_commands.wanted(model(profiles=("blackbox",)))
    assert "promtail" in native_commands.wanted(model(collector="alloy"))
    names = native_commands.wanted(model())
    assert {"prometheus", "alertmanager", "loki", "promtail", "console", "exporter", "containers"} <= set(names)
    assert "grafana" not in names
    assert names.index("loki") < names.index("promtail")
    assert names.index("alertmanager") < names.index("prometheus")


def test_a_changed_file_asks_for_a_reload_or_a_restart_of_its_reader_alone(tmp_path: Path) -> None:
    before = {
        "prometheus/rules/a.yml": b"1",
        "loki/loki.yml": b"1",
        "loki/promtail.yml": b"1",
        "loki/rules/fake/a.yml": b"1",
        "prometheus/tests/a.yml": b"1",
        "console/console.json": b"1",
        "console/rules.json": b"1",
    }

    def differing(path: str) -> dict[str, str]:
        old = native_commands.plans(tmp_path, model(), placement(tmp_path), before)
        new = native_commands.plans(tmp_path, model(), placement(tmp_path), {**before, path: b"2"})
        return {
            a.name: "restart" if b.differs(a) else "reload"
            for a, b in zip(old, new, strict=True)
            if b.differs(a) or a.reload_digest != b.reload_digest
        }

    assert differing("prometheus/rules/a.yml") == {"prometheus": "reload"}
    assert differing("loki/loki.yml") == {"loki": "restart"}
    assert differing("loki/promtail.yml") == {"promtail": "restart"}
    assert differing("loki/rules/fake/a.yml") == {}
    assert differing("prometheus/tests/a.yml") == {}
    assert differing("console/console.json") == {"console": "restart"}
    assert differing("console/rules.json") == {}, "the console looks at it by itself, and goes on taking messages in"


def test_changed_code_asks_for_a_restart_of_our_own_parts(tmp_path: Path) -> None:
    package = tmp_path / "exporter" / "watchstack"
    package.mkdir(parents=True)
    (package / "a.py").write_text("1")
    old = native_commands.plans(tmp_path, model(), placement(tmp_path), {})
    (package / "a.py").write_text("2")
    new = native_commands.plans(tmp_path, model(), placement(tmp_path), {})
    changed = {a.name for a, b in zip(old, new, strict=True) if b.differs(a)}
    assert changed == {"exporter", "console", "containers"}


def test_plan_and_state_pass_through_their_files(tmp_path: Path) -> None:
    plan = Plan("i", "s", (PartPlan("one", ("a", "b"), 1, "/ready", {"X": "1"}, essential=True),))
    plan.write(tmp_path / "plan.json")
    assert Plan.read(tmp_path / "plan.json") == plan
    state = StackState(5, "i", True, {"one": PartState(7, state=State.HEALTHY, error="e")})
    state.write(tmp_path / "state.json")
    assert StackState.read(tmp_path / "state.json") == state
    (tmp_path / "plan.json").write_text('{"id": 1}')
    (tmp_path / "state.json").write_text("{")
    assert Plan.read(tmp_path / "plan.json") is None
    assert StackState.read(tmp_path / "state.json") == StackState()


def test_json_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert read_json(path) == {"a": 1}
    assert json.loads(path.read_text()) == {"a": 1}
    assert read_json(tmp_path / "none.json") is None


def test_a_lock_is_seen_while_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not held(path)
    descriptor = take(path)
    assert held(path)
    with pytest.raises(BlockingIOError):
        take(path)
    os.close(descriptor)
    assert not held(path)


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "free disk space"), (errno.EACCES, "chown"), (errno.EROFS, "read-only")]
)
def test_what_cannot_be_written_says_what_to_do(number: int, words: str) -> None:
    error = unwritable(Path("x/y"), OSError(number, os.strerror(number)))
    assert "x/y" in str(error)
    assert words in error.hint


def test_a_file_in_the_way_of_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / ".stack").write_text("")
    with pytest.raises(EngineError, match=r"cannot write .*\.stack"):
        Folder(tmp_path / ".stack").make()


def test_the_tree_is_replaced_whole_put_back_and_recovered(tmp_path: Path) -> None:
    folder = Folder(tmp_path / ".stack")
    folder.path.mkdir()
    tree = Tree(tmp_path, folder)
    assert tree.install({"prometheus/a.yml": b"1", "loki/b.yml": b"1"})
    assert not tree.install({"prometheus/a.yml": b"1", "loki/b.yml": b"1"})
    assert tree.install({"prometheus/a.yml": b"2"})
    assert tree.read() == {"prometheus/a.yml": b"2"}
    tree.put_back()
    assert tree.read() == {"prometheus/a.yml": b"1", "loki/b.yml": b"1"}
    # killed between the two renames
    folder.config.rename(folder.path / "config.old")
    tree.recover()
    assert tree.read() == {"prometheus/a.yml": b"1", "loki/b.yml": b"1"}


def test_an_earlier_tree_is_restored_wherever_the_replacement_stood(tmp_path: Path) -> None:
    folder = Folder(tmp_path / ".stack")
    folder.path.mkdir()
    tree = Tree(tmp_path, folder)
    old, new = {"prometheus/a.yml": b"1"}, {"prometheus/a.yml": b"2"}
    tree.install(old)
    tree.restore(old)  # it was not begun
    assert tree.read() == old
    tree.install(new)
    kept = (folder.path / "config.old" / "prometheus" / "a.yml").stat().st_ino
    tree.restore(old)
    assert tree.read() == old
    assert (folder.config / "prometheus" / "a.yml").stat().st_ino == kept, "renamed: a full disk takes that"
    tree.install(new)
    tree.install({"prometheus/a.yml": b"3"})
    tree.restore(old)  # no longer beside it: written anew
    assert tree.read() == old


def test_a_plan_comes_back_from_its_json(tmp_path: Path) -> None:
    plan = Plan("id", "search", (PartPlan("one", (PROGRAM, "-v"), 1, "/ready"),), {"one": 1})
    plan.write(tmp_path / "plan.json")
    assert Plan.of(read_json(tmp_path / "plan.json")) == Plan.read(tmp_path / "plan.json") == plan
    assert Plan.of({"id": "id"}) is None
    assert Plan.of(None) is None


def test_target_files_are_linked_so_that_a_change_is_seen(tmp_path: Path) -> None:
    folder = Folder(tmp_path / ".stack")
    folder.path.mkdir()
    targets = tmp_path / "prometheus" / "targets"
    targets.mkdir(parents=True)
    (targets / "shop.json").write_text("[]")
    tree = Tree(tmp_path, folder)
    tree.install({"prometheus/prometheus.yml": b"x"})
    (targets / "shop.json").write_text("[1]")
    assert (folder.config / "prometheus" / "targets" / "shop.json").read_text() == "[1]"
    assert tree.read() == {"prometheus/prometheus.yml": b"x"}


def test_an_editors_lock_is_no_template(tmp_path: Path) -> None:
    """A link to nowhere, beside a file that is being edited."""
    folder = tmp_path / "alertmanager" / "templates"
    folder.mkdir(parents=True)
    (folder / "mail.tmpl").write_text("x")
    (folder / ".#mail.tmpl").symlink_to("somebody@host.4711:1")
    assert [name for name, _ in templates(tmp_path)] == ["alertmanager/templates/mail.tmpl"]
