"""`./stack dashboard import`: every form in which Grafana gives a dashboard away, and every reason to refuse one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from cli_kit import Run, caller
from live_kit import board, panel, variable, written
from stackgen.imports import Imported, ImportFault, Shelf, put, take
from stackgen.imports.reading import LARGEST
from stackgen.live import boards
from stackgen.live.boards import Opened
from stackgen.render import render
from stackgen.write import write
from trees import PLACEMENTS, load_text
from trees import put as put_tree
from v2_kit import saved_as_v2

FOREIGN = {"type": "prometheus", "uid": "PBFA97CFB590B2093"}
LOKI = {"type": "loki", "uid": "P8E80F9AEF21F6940"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "stack.yml").write_text("environment: test\n")
    put_tree(tmp_path, written(host=board(panel("CPU", "up"), uid="watchstack-host", title="Host")))
    return tmp_path


def taken(root: Path, content: Any, name: str = "") -> Imported:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return take(raw, Shelf.of(root), {"own:rate"}, name)


def model(one: Imported) -> dict[str, Any]:
    return dict(json.loads(one.content))


def refused(root: Path, content: Any, name: str = "") -> ImportFault:
    with pytest.raises(ImportFault) as fault:
        taken(root, content, name)
    return fault.value


def test_a_bare_model_keeps_its_uid_and_loses_what_was_the_other_grafanas(root: Path) -> None:
    one = taken(root, board(panel("P", "up", datasource=FOREIGN), uid="shop", title="Shop", id=7, version=12))
    assert (one.file, one.uid, one.replaced) == ("grafana/dashboards/custom/shop.json", "shop", False)
    found = model(one)
    assert not {"id", "version"} & found.keys()
    assert found["panels"][0]["datasource"] == {"type": "prometheus", "uid": "prometheus"}
    assert found["panels"][0]["targets"][0]["datasource"] == {"type": "prometheus", "uid": "prometheus"}
    assert one.notes == ("datasource 'PBFA97CFB590B2093' is Prometheus here",)
    assert one.warnings == ()


def test_an_export_for_sharing_has_its_inputs_filled_in(root: Path) -> None:
    shared = {
        "__inputs": [
            {"name": "DS_A", "type": "datasource", "pluginId": "prometheus", "label": "Anything"},
            {"name": "DS_B", "type": "datasource", "pluginId": "loki"},
            {"name": "VAR_JOB", "type": "constant", "value": "shop"},
        ],
        "__requires": [{"type": "datasource", "id": "prometheus"}],
        "__elements": {
            "lib1": {"name": "L", "kind": 1, "model": panel("From the library", "up", datasource="${DS_A}")}
        },
        **board(
            panel("P", 'up{job="${VAR_JOB}"}', datasource={"type": "prometheus", "uid": "${DS_A}"}),
            panel("Q", '{a="b"} |= "x"', datasource="${DS_B}", type="logs"),
            {"libraryPanel": {"uid": "lib1", "name": "L"}, "gridPos": {"x": 0, "y": 8, "w": 24, "h": 4}},
            variables=[
                {"name": "job", "type": "constant", "query": "${VAR_JOB}"},
                variable("i", "label_values(up, instance)", datasource={"uid": "${DS_A}"}, current={"value": "far:1"}),
            ],
            annotations=[{"name": "n", "datasource": "${DS_B}", "expr": '{a="b"}', "enable": True}],
        ),
    }
    one = taken(root, shared)
    found = model(one)
    assert not [key for key in found if key.startswith("__")]
    assert "DS_" not in one.content.decode()
    assert "VAR_" not in one.content.decode()
    asked = [(one["title"], one["datasource"]["uid"], one["targets"][0]["expr"]) for one in found["panels"]]
    assert asked == [
        ("P", "prometheus", 'up{job="shop"}'),
        ("Q", "loki", '{a="b"} |= "x"'),
        ("From the library", "prometheus", "up"),
    ]
    assert found["panels"][2]["gridPos"] == {"x": 0, "y": 8, "w": 24, "h": 4}
    asked_anew = found["templating"]["list"][1]
    assert (asked_anew["current"], asked_anew["datasource"]["uid"]) == ({}, "prometheus")
    assert found["annotations"]["list"][0]["datasource"]["uid"] == "loki"


@pytest.mark.parametrize(
    "envelope",
    [
        lambda inner: {"dashboard": inner, "meta": {"slug": "x", "version": 3}},
        lambda inner: {"dashboard": inner, "overwrite": True, "folderUid": ""},
        lambda inner: {"apiVersion": "dashboard.grafana.app/v1beta1", "kind": "Dashboard",
                       "metadata": {"name": "shop"}, "spec": {**inner, "uid": "other"}},
        lambda inner: {"apiVersion": "dashboard.grafana.app/v1", "kind": "DashboardWithAccessInfo",
                       "metadata": {"name": "shop"}, "access": {"canSave": True}, "spec": inner},
        lambda inner: {"dashboard": {"apiVersion": "dashboard.grafana.app/v0alpha1", "kind": "Dashboard",
                                     "metadata": {"name": "shop"}, "spec": inner}},
    ],
)  # fmt: skip
def test_envelopes_are_taken_off(root: Path, envelope: Any) -> None:
    one = taken(root, envelope(board(panel("P", "up"), uid="shop", title="Shop")))
    assert (one.uid, one.title, one.panels) == ("shop", "Shop", 1)


def test_the_answers_beside_the_model_of_the_import_api_are_used(root: Path) -> None:
    inner = {"__inputs": [{"name": "DS_X", "type": "datasource", "pluginId": ""}],
             **board({**panel("P", "up"), "datasource": "${DS_X}", "targets": [{"expr": "up"}]})}  # fmt: skip
    answers = [{"name": "DS_X", "type": "datasource", "pluginId": "prometheus", "value": "abc"}]
    found = model(taken(root, {"dashboard": inner, "inputs": answers}))
    assert found["panels"][0]["targets"][0]["datasource"]["uid"] == "prometheus"


@pytest.mark.parametrize(
    ("given", "kind", "expr", "uid"),
    [
        ("Loki of the team", "timeseries", "x", "loki"),
        ("prom-main", "timeseries", '{a="b"} | json', "prometheus"),
        (None, "timeseries", "rate(x_total[$__rate_interval])", "prometheus"),
        ("somewhere", "timeseries", 'rate({a="b"} |= "x" [5m])', "loki"),
        ("somewhere", "logs", '{a="b"}', "loki"),
        ({"type": "grafana-amazonprometheus-datasource", "uid": "amp"}, "stat", "up", "prometheus"),
        ({"uid": "default"}, "stat", "up", "prometheus"),
        ("somewhere", "timeseries", 'sum by ($label) (up{a="b"})', "prometheus"),
        ("somewhere", "timeseries", '{a="b"} | json', "loki"),
    ],
)
def test_a_datasource_is_known_by_type_by_name_or_by_what_is_asked(
    root: Path, given: Any, kind: str, expr: str, uid: str
) -> None:
    old = {"title": "P", "type": kind, "datasource": given, "targets": [{"refId": "A", "expr": expr}]}
    found = model(taken(root, board(old)))["panels"][0]
    assert found["targets"][0]["datasource"] == found["datasource"] == {"type": uid, "uid": uid}


def test_a_target_that_names_nothing_asks_what_its_panel_asks(root: Path) -> None:
    asks = panel("P", "x", datasource={"type": "loki", "uid": "l"}, target={"datasource": None})
    assert model(taken(root, board(asks)))["panels"][0]["targets"][0]["datasource"]["uid"] == "loki"


def test_library_panels_of_an_older_export_stand_in_a_list(root: Path) -> None:
    brought = [{"uid": "lib1", "name": "L", "kind": 1, "model": panel("From the library", "up")}]
    one = taken(root, {**board({"libraryPanel": {"uid": "lib1", "name": "L"}}), "__elements": brought})
    assert [found["title"] for found in model(one)["panels"]] == ["From the library"]


def test_a_new_uid_is_none_that_is_kept_for_generated_dashboards(root: Path) -> None:
    for title, became in (("Watchstack Redis", "redis"), ("Watchstack Watchstack ☃", "watchstack")):
        assert taken(root, board(uid="watchstack-redis", title=title)).uid == became


def test_a_mixed_panel_and_a_datasource_variable_stay_what_they_are(root: Path) -> None:
    mixed = panel("M", "up", '{a="b"} |= "c"', datasource={"type": "datasource", "uid": "-- Mixed --"})
    mixed["targets"][0]["datasource"], mixed["targets"][1]["datasource"] = FOREIGN, LOKI
    chosen = panel("V", "up", datasource={"type": "prometheus", "uid": "${ds}"})
    source = {"name": "ds", "type": "datasource", "query": "prometheus", "regex": "/eu-.*/",
              "current": {"text": "eu-1", "value": "abc"}}  # fmt: skip
    one = taken(root, board(mixed, chosen, variables=[source]))
    found = model(one)
    assert found["panels"][0]["datasource"]["uid"] == "-- Mixed --"
    assert [target["datasource"]["uid"] for target in found["panels"][0]["targets"]] == ["prometheus", "loki"]
    assert found["panels"][1]["datasource"]["uid"] == "${ds}"
    ours = found["templating"]["list"][0]
    assert (ours["current"]["value"], ours["regex"]) == ("prometheus", "")


def test_panels_without_a_number_of_their_own_get_one_as_grafana_gives_them(root: Path) -> None:
    made = {**panel("Row"), "type": "row", "panels": [{**panel("In"), "id": 4}, {**panel("Same"), "id": 4}]}
    given = board(uid="made", title="Made") | {"panels": [{**made, "id": None}, {**panel("Last"), "id": 2}]}
    row, last = model(taken(root, given))["panels"]
    assert [one["id"] for one in (row, *row["panels"], last)] == [5, 4, 6, 2]


@pytest.mark.parametrize("given", [{"type": "__expr__", "uid": "${DS_EXPRESSION}"}, "${DS_EXPRESSION}"])
def test_grafanas_own_arithmetic_is_nobodys_datasource_in_an_export_for_sharing_too(root: Path, given: Any) -> None:
    doubled = panel("M", "up")
    doubled["targets"].append({"refId": "B", "type": "math", "expression": "$A * 2", "datasource": given})
    inputs = [{"name": "DS_EXPRESSION", "type": "datasource", "pluginId": "__expr__"}]
    one = taken(root, {"__inputs": inputs, **board(doubled)})
    assert model(one)["panels"][0]["targets"][1]["datasource"] == {"type": "__expr__", "uid": "__expr__"}
    (found,) = boards({one.file: one.content})
    assert [question.ref for question in Opened(found).questions()] == ["A"]


def test_an_unknown_datasource_names_panel_and_type_for_all_of_them(root: Path) -> None:
    fault = refused(
        root,
        board(
            panel("Orders", "SELECT 1", datasource={"type": "mysql", "uid": "m"}),
            panel("Fine", "up"),
            panel("Traces", "x", datasource={"type": "tempo", "uid": "t"}),
            variables=[{"name": "db", "type": "datasource", "query": "postgres"}],
        ),
    )
    ours = "which this stack has not (known: prometheus, loki, alertmanager)"
    assert fault.reasons == (
        f"panel \"Orders\" asks a datasource of type 'mysql', {ours}",
        f"panel \"Traces\" asks a datasource of type 'tempo', {ours}",
        f"variable \"db\" asks a datasource of type 'postgres', {ours}",
    )


@pytest.mark.parametrize(
    ("content", "words", "line"),
    [
        (b'{"title": "x",\n  "panels": [}', "is no JSON: Expecting value", 2),
        (b"", "is no JSON", 1),
        (b'{"title": "\xff"}', "is no text in UTF-8", 1),
        (b"[1, 2]", "the file holds no JSON object", 0),
        (b'{"a": NaN}', "NaN is no number", 0),
        (b'{"a": 1}', "neither panels nor elements", 0),
        (b'{"title": " ", "panels": []}', "has no title", 0),
        (b'{"title": "t", "panels": {}}', "no list of panels", 0),
        (b'{"title": "t", "rows": []}', "a Grafana before 5", 0),
        (b'{"apiVersion": "dashboard.grafana.app/v1", "kind": "Folder", "spec": {}}', "is a Folder", 0),
        (b"[" * 100_000, "nested too deeply", 0),
        (b" " * (LARGEST + 1), "is too large", 0),
        (b'{"title": "t", "elements": {}, "layout": {"kind": "Odd", "spec": {}}}', "the layout Odd is not known", 0),
        (b'{"title": "t", "panels": [{"libraryPanel": {"uid": "u", "name": "L"}}]}', "the library panel 'L'", 0),
        (b'{"apiVersion": "dashboard.grafana.app/v1", "spec": 1}', "is a resource without a dashboard", 0),
        (b'{"title": "t", "panels": [], "x": 1e999}', "1e999 is no number", 0),
        (b'{"title": "t", "panels": [], "x": ' + b"1" * 5000 + b"}", "is no dashboard: Exceeds the limit", 0),
        (b'{"title": "t", "panels": [], "x": "\\ud83d"}', "half of a character (\\ud83d)", 0),
    ],
)
def test_what_is_no_dashboard_is_refused_with_reason_and_line(
    root: Path, content: bytes, words: str, line: int
) -> None:
    fault = refused(root, content)
    assert words in str(fault)
    assert fault.line == line


@pytest.mark.parametrize(
    ("uid", "became", "why"),
    [
        ("watchstack-host", "shop", "that of grafana/dashboards/host.json"),
        ("watchstack-redis", "shop", "kept for generated dashboards"),
        ("", "shop", "it had none"),
        ("a b/c", "shop", "none that Grafana takes"),
        ("x" * 41, "shop", "none that Grafana takes"),
        ("x" * 40, "x" * 40, ""),
    ],
)
def test_a_uid_that_cannot_stay_is_mended_and_said(root: Path, uid: str, became: str, why: str) -> None:
    one = taken(root, board(panel("P", "up"), uid=uid, title="Shop"))
    assert one.uid == became
    assert why in "".join(one.notes)
    assert bool(one.notes) == bool(why)


def test_the_same_dashboard_again_replaces_itself_and_another_does_not(root: Path) -> None:
    put(root, taken(root, board(panel("P", "up"), uid="shop", title="Shop")))
    again = taken(root, board(panel("P", "up"), panel("Q", "up"), uid="shop", title="Shop"))
    assert (again.replaced, again.uid, again.title) == (True, "shop", "Shop")
    other = board(panel("P", "up"), uid="other", title="Shop")
    assert "is another dashboard already ('Shop', uid shop)" in str(refused(root, other))
    beside = taken(root, other, "second")
    assert (beside.file, beside.title) == ("grafana/dashboards/custom/second.json", "Shop 2")
    assert "its title is 'Shop 2': grafana/dashboards/custom/shop.json has the title 'Shop'" in beside.notes
    assert "no name for a file" in str(refused(root, other, "../second"))


def test_a_copy_of_a_generated_dashboard_is_ones_own_and_survives_render(root: Path) -> None:
    (root / "grafana/dashboards/host.json").unlink()
    files = render(load_text(root), PLACEMENTS["compose"])
    write(root, files)
    one = taken(root, files["grafana/dashboards/host.json"])
    assert (one.file, one.uid, one.title) == ("grafana/dashboards/custom/host.json", "host", "Host 2")
    put(root, one)
    change = write(root, files)
    assert not change, "render neither removes nor rewrites it"
    assert (root / one.file).read_bytes() == one.content
    assert b"is generated by" not in one.content
    again = taken(root, files["grafana/dashboards/host.json"])
    assert (again.file, again.uid, again.title, again.replaced) == (one.file, "host", "Host 2", True)


def test_doubts_name_the_metric_and_the_nearest(root: Path) -> None:
    one = taken(
        root,
        board(
            panel("P", "rate(http_request_total[5m])", "sum(own:rate)", "up >", "vector(1)"),
            panel("M", "up", type="piechart"),
        ),
    )
    assert one.warnings == (
        'panel "P", query A: no program of the stack exports http_request_total; did you mean http_requests_total?',
        'panel "P", query C: this does not look like PromQL: up >',
        "the console does not draw panels of type piechart; Grafana does",
    )


def test_alerts_inside_of_panels_are_left_out_and_said(root: Path) -> None:
    one = taken(root, board({**panel("P", "up"), "alert": {"name": "old"}}))
    assert "alert" not in model(one)["panels"][0]
    assert "rules/" in one.notes[-1]


def test_nothing_of_another_shape_than_a_dashboards_is_a_fault_of_the_command(root: Path) -> None:
    """Every value of a dashboard replaced in turn: it is taken, or refused in words."""
    source = {"name": "ds", "type": "datasource", "query": "prometheus"}
    classic = board(
        panel("P", 'up{a="$job"}', datasource="${DS_A}"),
        {"type": "row", "title": "R", "panels": [panel("I", "up")]},
        variables=[variable("job", "label_values(up, job)"), source],
        annotations=[{"name": "n", "datasource": {"type": "prometheus"}, "expr": "up"}],
        __inputs=[{"name": "DS_A", "type": "datasource", "pluginId": "prometheus"}],
    )
    shelf = Shelf.of(root)
    odd: tuple[Any, ...] = ("x", [[]])
    taken, refused = 0, []
    for whole in (classic, saved_as_v2()):
        for path, value in product(places_in(whole), odd):
            try:
                take(json.dumps(replaced(whole, path, value)).encode(), shelf, set())
                taken += 1
            except ImportFault as fault:
                refused.append(fault)
    assert taken > 100
    assert len(refused) > 100
    assert all(fault.reasons for fault in refused)


def places_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value inside."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield (*path, key)
        yield from places_in(inner, (*path, key))


def replaced(whole: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value at that place."""
    if not path:
        return value
    copied = dict(whole) if isinstance(whole, dict) else list(whole)
    copied[path[0]] = replaced(whole[path[0]], path[1:], value)
    return copied


@pytest.fixture
def run(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return caller(root, monkeypatch, capsys)


def test_the_command_writes_lists_and_refuses(run: Run, root: Path, tmp_path: Path) -> None:
    file = tmp_path / "saved.json"
    file.write_text(json.dumps(board(panel("P", "up", datasource=FOREIGN), uid="shop", title="Shop")))
    code, out, err = run("dashboard", "import", str(file))
    assert (code, err) == (0, "")
    assert "custom/shop.json is written: 'Shop', 1 panel, /d/shop" in out
    assert (root / "grafana/dashboards/custom/shop.json").stat().st_mode & 0o777 == 0o644
    code, out, _ = run("dashboard", "list", "--json")
    assert [(one["uid"], one["custom"]) for one in json.loads(out)] == [("watchstack-host", False), ("shop", True)]
    code, out, _ = run("dashboard", "list")
    assert out.splitlines()[-1].split() == ["shop", "1", "grafana/dashboards/custom/shop.json", "Shop"]
    file.write_text('{"title":\n !')
    code, out, err = run("dashboard", "import", str(file))
    assert (code, out) == (1, "")
    assert f"{file}:2:2: is no JSON" in err
    code, out, _ = run("dashboard", "import", str(file), "--json")
    assert (code, json.loads(out)["errors"]) == (1, ["is no JSON: Expecting value"])
    assert run("dashboard", "import", str(tmp_path / "no-such.json"))[0] == 2


def test_a_v2_file_that_was_laid_there_by_hand_is_told_and_mended(run: Run, root: Path) -> None:
    room = root / "grafana" / "dashboards" / "custom"
    room.mkdir()
    (room / "saved.json").write_text(json.dumps(saved_as_v2()))
    code, out, err = run("dashboard", "list")
    assert (code, "saved-v2" in out) == (0, False)
    assert "custom/saved.json is no dashboard that Grafana's provisioning takes" in err
    code, out, _ = run("dashboard", "import", str(room / "saved.json"))
    assert code == 0
    assert "still lies there too: remove it" in out
    code, out, _ = run("dashboard", "import", str(room / "saved.json"), "--name", "saved")
    assert (code, "still lies there" in out) == (0, False)
    assert sorted(path.name for path in room.iterdir()) == ["saved-in-v2.json", "saved.json"]
    assert run("dashboard", "list")[2] == ""


def test_what_was_imported_is_asked_by_check_live_as_it_lies_there(root: Path) -> None:
    one = taken(root, board(panel("P", "up", datasource=FOREIGN), uid="shop", title="Shop"))
    (found,) = boards({one.file: one.content})
    assert found.custom
    assert [question.datasource for question in Opened(found).questions()] == ["prometheus"]
