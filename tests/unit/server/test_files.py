"""A data file is held against what was recorded of it, and shown only where it is that."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtrail.capture.files import FileVersions
from backtrail.model.digest import digest_bytes
from backtrail.model.records import Code, Run
from backtrail.query.uses import Use, Uses
from backtrail.server import files
from backtrail.server.files import Found, about_file, look, preview

HERE = "laptop"
AT_US = 1_785_000_000_000_000
SHOWN = "<h2>Preview</h2>"


def a_use(
    version: str | None, *, host: str | None = HERE, at_us: int = AT_US, is_write: bool = True
) -> Use:
    run = Run(
        "r1", "clean", None, None, "completed", None, AT_US, AT_US, Code(), {}, host, None, None,
        [], [],
    )  # fmt: skip
    return Use(run, is_write, version, at_us)


def about(path: object, *uses: Use, kind: str = "data") -> str:
    return about_file(Uses(str(path), kind, list(uses)), HERE)


def recorded(path: Path) -> str:
    version = FileVersions().version_of(str(path))
    assert version is not None
    return version


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_text("id,name\n1,zoe\n")
    return path


# -- what is said ------------------------------------------------------------------------


def test_a_file_that_is_as_it_was_recorded_is_shown(data: Path) -> None:
    told = about(data, a_use(recorded(data)))

    assert "there, just as it was last recorded" in told
    assert "<dt>size</dt><dd>14 B</dd>" in told
    assert recorded(data) in told
    assert "zoe" in told.partition(SHOWN)[2]


def test_a_file_that_changed_is_not_shown(data: Path) -> None:
    version = recorded(data)
    data.write_text("id,name\n1,a secret\n")

    told = about(data, a_use(version))

    assert "has changed since it was last recorded" in told
    assert "shown only where it is known" in told
    assert "secret" not in told
    assert SHOWN not in told


def test_a_file_that_is_as_it_was_earlier_says_when(data: Path) -> None:
    newer = a_use(f"blake3:{'0' * 64}", at_us=AT_US + 1)

    told = about(data, newer, a_use(recorded(data)))

    assert "as it was on 25 July 2026 at 17:20 (UTC). It was recorded otherwise since." in told
    assert "zoe" in told.partition(SHOWN)[2]


def test_a_file_that_is_gone_says_what_is_known_of_it(tmp_path: Path) -> None:
    told = about(tmp_path / "gone.csv", a_use("stat:1234567-17"))

    assert "no longer where the run left it: it was deleted or moved" in told
    assert "<dt>size then</dt><dd>1.2 MB</dd>" in told
    assert "stat:1234567-17" in told
    assert "made by clean" in told


def test_a_file_of_which_nothing_was_known_is_not_called_deleted(tmp_path: Path) -> None:
    told = about(tmp_path / "never.csv", a_use(None))

    assert "no file at this place" in told
    assert "deleted" not in told


@pytest.mark.parametrize("name", ["[redacted].csv", "\\xff.csv", f"a...{'0f' * 16}"])
def test_a_name_that_is_not_the_file_s_own_is_not_looked_for(tmp_path: Path, name: str) -> None:
    told = about(tmp_path / name, a_use("stat:5-17"))

    assert "cannot be told" in told
    assert "deleted" not in told


def test_a_file_of_another_machine_is_not_looked_at(data: Path) -> None:
    told = about(data, a_use(recorded(data), host="gpu-7", is_write=False))

    assert "recorded on the machine gpu-7; this one is laptop. It was not looked at." in told
    assert "read by clean" in told
    assert "<dt>size</dt>" not in told
    assert SHOWN not in told


def test_what_was_recorded_here_counts_where_others_recorded_as_well(data: Path) -> None:
    other = a_use(f"blake3:{'0' * 64}", host="gpu-7", at_us=AT_US + 1)

    assert "just as it was last recorded" in about(data, other, a_use(recorded(data)))


def test_where_no_machine_is_known_that_is_said(data: Path) -> None:
    told = about(data, a_use(recorded(data), host=None))

    assert "On which machine it was recorded is not known" in told
    assert "zoe" in told


@pytest.mark.parametrize("version", [None, "v7", "etag:abc", f"sha256:{'0' * 64}"])
def test_what_cannot_be_compared_is_not_shown(data: Path, version: str | None) -> None:
    told = about(data, a_use(version))

    assert "Whether it is what was recorded cannot be told" in told
    assert "zoe" not in told


def test_a_file_recorded_by_size_and_time_is_compared_by_them(data: Path) -> None:
    state = data.stat()
    same, other = (f"stat:{state.st_size}-{state.st_mtime_ns + n}" for n in (0, 1))

    assert "Its content was not compared" in about(data, a_use(same))
    assert "has changed" in about(data, a_use(other))
    assert "zoe" not in about(data, a_use(same)) + about(data, a_use(other))


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.touch()

    told = about(path, a_use(recorded(path)))

    assert "with the size and time that were last recorded" in told
    assert "it is empty" in told


def test_a_file_that_fails_while_it_is_read_says_why(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(files, "digest_file", refuse)

    assert "cannot be read here: input/output error." in about(data, a_use(recorded(data)))


def test_a_file_without_permission_says_so(data: Path) -> None:
    version = recorded(data)
    data.chmod(0)
    data.parent.chmod(0)
    us = os.geteuid()
    if us == 0:
        os.seteuid(65534)  # root may read everything

    try:
        told = about(data, a_use(version))
    finally:
        os.seteuid(us)
        data.parent.chmod(0o700)

    assert "cannot be read here: permission denied." in told


def test_a_path_no_file_can_have_says_so(tmp_path: Path) -> None:
    for name in ("a" * 300, "a\0b", "\ud800"):
        assert look(f"{tmp_path}/{name}").state == "unreadable"
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert look(str(loop)).state == "unreadable"
    assert look(f"{tmp_path}/data.csv/below").state == "gone"


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o600)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [_pipe, _socket, _device])
def test_what_is_no_file_is_never_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "it")
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("it was opened"))

    assert "no ordinary file" in about(tmp_path / "it", a_use("stat:5-17"))


def test_a_pipe_that_takes_the_place_of_a_file_is_not_waited_for(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = data.stat()
    data.unlink()
    os.mkfifo(data)
    monkeypatch.setattr(os, "stat", lambda _: state)

    assert look(str(data)).state == "changing"


def test_a_link_to_a_file_is_followed_and_a_folder_named(data: Path, tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(data)

    assert "zoe" in about(tmp_path / "link.csv", a_use(recorded(data)))
    assert "It is a folder." in about(tmp_path, a_use("stat:5-17"))


def test_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(files.MOST_BYTES + 1)  # a hole: it takes no room
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("it was opened"))

    told = about(path, a_use(f"blake3:{'0' * 64}"))

    assert "too large to compare here: over 67 MB" in told


def test_a_file_of_the_greatest_size_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    path.write_bytes(b"first line\n" + b"x" * (files.MOST_BYTES - 11))

    told = about(path, a_use(recorded(path)))

    assert "just as it was last recorded" in told
    assert "first line" in told
    assert len(told) < 2_000


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("s3://b/k.csv", "data"), ("table", "unknown"), ("models:/m/1", "model")),
        *(("/answers/1", "output"), ("/v", "value")),
    ],
)
def test_what_is_no_local_file_is_not_looked_at(name: str, kind: str) -> None:
    assert about(name, a_use("v1"), kind=kind) == ""


def test_a_file_that_nobody_used_is_not_looked_at(data: Path) -> None:
    assert about(data) == ""


def test_a_time_that_no_calendar_has_is_no_fault(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = list(data.stat())
    strange = os.stat_result(fields, {"st_mtime_ns": 1 << 70})
    monkeypatch.setattr(os, "stat", lambda _: strange)

    assert look(str(data)).changed_us is None


def test_a_size_that_somebody_made_up_is_no_fault(tmp_path: Path) -> None:
    assert "no longer" in about(tmp_path / "x", a_use(f"stat:{'9' * 400}-1"))


# -- the preview -------------------------------------------------------------------------


def shown(name: str, content: bytes, *, head: int | None = None) -> str:
    return preview(name, Found("read", len(content), head=content[:head]))


def cells(page: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", page)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b'id,name\n1,"Smith, Ann"\n\n2,Bo\n'),
        ("a.CSV", b'\xef\xbb\xbfid;name\r\n1;"Smith, Ann"\r\n2;Bo\r\n'),
        ("a.tsv", b"id\tname\n1\tSmith, Ann\n2\tBo"),
    ],
)
def test_a_table_is_shown_as_one(name: str, content: bytes) -> None:
    page = shown(name, content)

    assert cells(page) == [["id", "name"], ["1", "Smith, Ann"], ["2", "Bo"]]
    assert "2 rows in all" in page


def test_a_large_table_shows_its_first_rows_and_columns() -> None:
    line = ",".join(f"c{n}" for n in range(50)) + "\n"

    page = shown("a.csv", line.encode() * 1_000)

    assert len(cells(page)) == 1 + files.MOST_ROWS
    assert {len(row) for row in cells(page)} == {files.MOST_COLUMNS}
    assert "The first 20 rows, the first 30 of 50 columns" in page


def test_a_row_that_was_not_read_to_its_end_is_left_out() -> None:
    page = shown("a.csv", b"id,name\n1,zoe\n2,benjamin\n", head=18)

    assert cells(page) == [["id", "name"], ["1", "zoe"]]
    assert "The first 1 row" in page


def test_rows_of_different_lengths_and_heads_without_a_word_stay_a_table() -> None:
    page = shown("a.csv", b",b\n1\n1,2,3\n")

    assert cells(page) == [["(no name)", "b", "(no name)"], ["1", "", ""], ["1", "2", "3"]]


@pytest.mark.parametrize("content", [b'a,"b\n' + b"x" * 200_000, b"\n\n\n"])
def test_what_is_no_table_is_shown_as_lines(content: bytes) -> None:
    assert "<pre>" in shown("a.csv", content)


def test_text_shows_its_first_lines() -> None:
    page = shown("a.jsonl", b'{"a": 1}\n' * 21)

    assert page.count("{&quot;a&quot;: 1}") == 20
    assert "The first 20 lines" in page
    assert "2 lines in all" in shown("a.json", b"[\r\n\t1]\n")
    assert "<pre>[\n    1]</pre>" in shown("a.json", b"[\r\n\t1]\n")


def test_one_enormous_line_is_cut() -> None:
    page = shown("a.json", b"[" * 10_000_000, head=files.HEAD_BYTES)

    assert len(page) < 1_000
    assert f"{'[' * files.MOST_IN_LINE}…" in page
    assert len(shown("a.csv", b"x" * 10_000_000, head=files.HEAD_BYTES)) < 1_000


def test_a_letter_that_is_cut_in_two_leaves_text_what_it_is() -> None:
    content = "é".encode() * 10

    assert "ééé" in shown("a.txt", content, head=7)
    assert "binary" in shown("a.txt", content[:7])


@pytest.mark.parametrize("content", ["é".encode("latin-1"), b"a\0b", b"PAR1\x15\x04\xff"])
def test_what_is_no_text_says_that_it_is_binary(content: bytes) -> None:
    page = shown("a.csv", content)

    assert f"It is binary, {len(content)} B" in page


def test_what_steers_a_screen_or_is_html_is_text() -> None:
    page = shown("a.txt", "\x1b[2J\u202e<script>alert(1)</script>".encode())

    assert "\\x1b[2J\\u202e&lt;script&gt;" in page


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.add(tag)


@given(
    name=st.sampled_from(["a.csv", "a.tsv", "a.json", "a"]),
    content=st.one_of(
        st.binary(max_size=500),
        st.text(max_size=500).map(str.encode),
        st.text("<>&\"',;\t\r\n a\x1b\u2028", max_size=500).map(str.encode),
    ),
    head=st.integers(0, 500),
)
def test_any_content_is_shown_as_text_within_bounds(name: str, content: bytes, head: int) -> None:
    page = shown(name, content, head=head)

    found = _Tags()
    found.feed(page)
    assert found.tags <= {"p", "div", "pre", "table", "thead", "tbody", "tr", "th", "td"}
    assert not any(ord(char) < 32 and char != "\n" for char in page)
    rows = cells(page)
    assert len(rows) <= 1 + files.MOST_ROWS
    assert len({len(row) for row in rows}) <= 1


@given(st.binary(min_size=1, max_size=300), st.binary(min_size=1, max_size=300))
def test_only_the_recorded_content_is_ever_shown(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, lies: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(lies)

    told = about(path, a_use(digest_bytes(content)))

    assert (SHOWN in told) == (content == lies)
