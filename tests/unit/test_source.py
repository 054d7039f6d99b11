"""The YAML loader: plain data, positions beside it, faults as findings, and nothing that can hold it up."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from stackgen.diagnostic import Position
from stackgen.source import files, loader, parse
from stackgen.source.locate import Written, locate
from stackgen.source.nodes import Document, Scalar, find
from stackgen.source.redact import line
from stackgen.source.scalars import resolve, surprise


@pytest.fixture(params=["libyaml", "python"])
def _both_parsers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same positions and findings from PyYAML's two parsers: libyaml is not everywhere."""
    if request.param == "python":
        monkeypatch.setattr(loader, "_LOADER", yaml.SafeLoader)


def read(text: str, *, foreign: bool = False) -> Document:
    document, findings = parse("a.yml", text, foreign=foreign)
    assert findings == []
    return document


def checks(text: str, *, foreign: bool = False) -> list[str]:
    return [found.check for found in parse("a.yml", text, foreign=foreign)[1]]


@pytest.mark.usefixtures("_both_parsers")
def test_plain_data() -> None:
    text = "a: {b: [1, 2.5, true, null, 'x', ~]}\nc: |\n  one\n  two\nd: >-\n  one\n  two\ne: '5'\nf: !!str 5\n"
    assert read(text).data == {
        "a": {"b": [1, 2.5, True, None, "x", None]},
        "c": "one\ntwo\n",
        "d": "one two",
        "e": "5",
        "f": "5",
    }


@pytest.mark.usefixtures("_both_parsers")
def test_positions_of_keys_and_values() -> None:
    document = read("a:\n  - name: shop\n    port: 80\n")
    assert document.value(["a", 0, "name"]) == Position("a.yml", 2, 11, 4)
    assert document.key(["a", 0, "port"]) == Position("a.yml", 3, 5, 4)
    assert document.value(["a", 0, "port"]) == Position("a.yml", 3, 11, 2)
    assert document.value(["a", 1]) is None
    assert document.key(["b"]) is None


@pytest.mark.usefixtures("_both_parsers")
def test_columns_count_characters() -> None:
    document = read("é: {日本: ok}\r\nb: 2\r\n")
    assert document.value(["é", "日本"]) == Position("a.yml", 1, 9, 2)
    assert document.value(["b"]) == Position("a.yml", 2, 4, 1)


@pytest.mark.usefixtures("_both_parsers")
def test_anchored_value_is_found_behind_its_anchor() -> None:
    document = read("a: &x shop\nb: *x\nc: &y !!str 5\n")
    assert document.value(["a"]) == Position("a.yml", 1, 7, 4)
    assert document.value(["b"]) == Position("a.yml", 1, 7, 4)
    assert document.value(["c"]) == Position("a.yml", 3, 13, 1)


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        ("k: plain text", 6, (1, 10)),
        ("k: 'it''s @'", 5, (1, 11)),
        ('k: "a\\tb\\u0041@"', 4, (1, 15)),
        ("k: |\n  one\n  two @\n", 8, (3, 7)),
        ("k: |2\n    one\n   @\n", 7, (3, 4)),
        ("k: >-\n  one\n\n  two\n  @\n", 8, (5, 3)),
        ("k: one\n  two\n  @", 8, (3, 3)),
        ("k: 'one\n\n  @'", 4, (3, 3)),
        ('k: "one \\\n  @"', 4, (2, 3)),
    ],
)
def test_a_character_of_a_value_is_found_in_the_file(text: str, offset: int, expected: tuple[int, int]) -> None:
    node = find(read(text).root, ["k"])
    assert isinstance(node, Scalar)
    assert node.text[offset] in "@t"
    where = node.at(offset)
    assert (where.line, where.column) == expected


@pytest.mark.usefixtures("_both_parsers")
def test_every_visible_character_is_found_at_itself() -> None:
    """Whatever the style: the place of a letter in the file holds that letter."""
    text = (
        "a: alpha beta\n  gamma\nb: 'de''lta\n\n  eps'\n"
        'c: "zeta\\n\\t eta \\\n   theta"\n'
        "d: |+\n    iota\n\n      kappa\ne: >\n  lambda\n  my\n\n  ny\n"
    )
    document = read(text)
    lines = text.split("\n")
    for key in "abcde":
        node = find(document.root, [key])
        assert isinstance(node, Scalar)
        for offset, character in enumerate(node.text):
            if character.isalpha():
                where = node.at(offset)
                assert lines[where.line - 1][where.column - 1] == character, (key, offset)


def test_a_place_behind_the_end_points_at_the_end() -> None:
    assert locate(Written("k: abc", 3, 6, "", "abc"), 3) == (0, 3, 1)


@pytest.mark.parametrize("word", ["yes", "No", "ON", "off", "y", "N", "True", "FALSE", "Null"])
def test_words_that_readers_disagree_on(word: str) -> None:
    assert checks(f"a: {word}") == ["ambiguous-scalar"]
    assert checks(f"{word}: a") == ["ambiguous-scalar"]
    assert checks(f"a: '{word}'") == []
    assert checks(f"a: {word}", foreign=True) == []


@pytest.mark.parametrize(
    "number",
    [
        "1:30",
        "12:30:45",
        "010",
        "0o7",
        "0x1F",
        "0b1",
        "1_000",
        "+1",
        ".5",
        "1.",
        "1e3",
        "08",
        "1.5e3",
        ".inf",
        "2024-01-01",
    ],
)
def test_numbers_that_readers_disagree_on(number: str) -> None:
    assert checks(f"a: {number}") == ["ambiguous-scalar"]


@pytest.mark.parametrize(
    "text",
    [
        "5m",
        "1h30m",
        "10.0.0.1",
        "host:80",
        "-1",
        "0",
        "0.5",
        "-2.25",
        "true",
        "null",
        "v1.2",
        "81x10",
        "note",
        "online",
    ],
)
def test_values_without_doubt(text: str) -> None:
    assert surprise(text) is None
    assert checks(f"a: {text}") == []


def test_numbers_are_what_both_versions_of_yaml_say() -> None:
    assert [resolve(text) for text in ("1", "-7", "2.5", "true", "", "~", "x", "010")] == [
        1,
        -7,
        2.5,
        True,
        None,
        None,
        "x",
        "010",
    ]
    assert surprise("1:30:00") == (
        "the number 5400 for YAML 1.1 readers, which count in sixties",
        "quote it: '1:30:00'",
    )


def test_foreign_files_keep_their_text() -> None:
    assert read("a: {b: yes, c: 010, d: 1.10}", foreign=True).data == {"a": {"b": "yes", "c": "010", "d": "1.10"}}


@pytest.mark.usefixtures("_both_parsers")
def test_anchors_aliases_and_merges() -> None:
    text = "a: &a {p: 1, q: 2}\nb:\n  <<: *a\n  q: 3\nc: {<<: [*a, {r: 4}]}\nd: *a\n"
    first = {"p": 1, "q": 2}
    assert read(text).data == {"a": first, "b": {"q": 3, "p": 1}, "c": {**first, "r": 4}, "d": first}


def test_an_alias_cannot_contain_itself() -> None:
    assert checks("a: &x [*x]") == ["unknown-alias"]
    assert checks("&x a: *x") == []


@pytest.mark.usefixtures("_both_parsers")
def test_all_duplicates_and_doubts_of_a_file_are_told() -> None:
    assert checks("a: 1\na: 2\nb: {c: yes, c: 1}\n") == ["duplicate-key", "ambiguous-scalar", "duplicate-key"]


@pytest.mark.usefixtures("_both_parsers")
def test_an_empty_second_document_is_none() -> None:
    assert read("a: 1\n---\n").data == {"a": 1}
    assert read("---\n---\na: 1\n").data == {"a": 1}
    assert checks("a: 1\n---\nb: 2\n---\nc: 3\n") == ["several-documents"]


@pytest.mark.usefixtures("_both_parsers")
def test_nothing_to_read() -> None:
    for text in ("", "\n", "# words\n", "---\n", "null\n", "\ufeff"):
        assert read(text).root is None


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "{a: " * 50_000, "[" * 60 + "]" * 60])
def test_deep_nesting_is_cut_short(text: str) -> None:
    began = time.process_time()
    assert "too-large" in checks(text)
    assert time.process_time() - began < 2


def test_an_alias_bomb_is_cut_short() -> None:
    names = [f"k{number}" for number in range(26)]
    bomb = "k0: &k0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in pairwise(names))
    began = time.process_time()
    document, findings = parse("a.yml", bomb)
    assert [found.check for found in findings] == ["too-large"]
    assert document.root is None
    assert time.process_time() - began < 2


def test_a_chain_of_aliases_below_the_bound_is_fine() -> None:
    data = read("a: &a [1, 2]\nb: &b [*a, *a]\nc: [*b, *b]\n").data
    assert data == {
        "a": [1, 2],
        "b": [[1, 2]] * 2,
        "c": [[[1, 2]] * 2] * 2,
    }


def test_files_are_read_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_bytes(b"\xef\xbb\xbfa: 1\r\n")
    file, findings = files.read(tmp_path, "a.yml")
    assert (file.text, findings) == ("a: 1\r\n", [])
    assert file.content.startswith(b"\xef\xbb\xbf")


def test_what_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin.yml").write_bytes("ok: 1\nb: caf\u00e9".encode("latin-1"))
    for path, check in (("missing.yml", "unreadable-file"), ("folder", "unreadable-file"), ("latin.yml", "encoding")):
        file, findings = files.read(tmp_path, path)
        assert file.text is None
        assert [found.check for found in findings] == [check]
    assert files.read(tmp_path, "latin.yml")[1][0].where == Position("latin.yml", 2, 7)


def test_permission_is_told_in_plain_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert files.read(tmp_path, "a.yml")[1][0].message == "cannot read this file: you may not read it"


def test_a_huge_file_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 10)
    (tmp_path / "a.yml").write_text("a: 1\n" * 100)
    file, findings = files.read(tmp_path, "a.yml")
    assert [found.check for found in findings] == ["too-large"]
    assert len(file.content) == 11


def test_rule_files_are_found_in_order(tmp_path: Path) -> None:
    for path in ("b.yml", "a.yaml", "custom/deep/c.yml", ".hidden.yml", "custom/.git/d.yml", "x.rules", "notes.md"):
        (tmp_path / "rules" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "rules" / path).touch()
    assert files.rule_paths(tmp_path) == ["rules/a.yaml", "rules/b.yml", "rules/custom/deep/c.yml"]
    assert files.stray_paths(tmp_path) == ["rules/x.rules"]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("  slack: {webhook_url: 'https://hooks.slack.com/services/T0/B0/xyz'}", "xyz"),
        ("    password: hunter2", "hunter2"),
        ('    bot_token: "12:ab"', "12:ab"),
        ("    url: https://me:hunter2@example.com/", "hunter2"),
        ("    url: https://example.com/in?token=hunter2&a=1", "hunter2"),
        ("    webhook_url_file: https://chat.example.com/hooks/hunter2", "hunter2"),
    ],
)
def test_secrets_are_masked_in_excerpts(text: str, secret: str) -> None:
    masked = line(text)
    assert secret not in masked
    assert len(masked) == len(text)


def test_names_of_secret_files_are_not_masked() -> None:
    text = "  pager: {pagerduty: {routing_key_file: pager}}"
    assert line(text) == text
