"""One artifact has one name, however it is spelled, and no secret is part of it."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtrail.model.names import bounded, canonical, file_name, kind_of, path_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("S3A://Bucket/Key/", "s3://Bucket/Key"),
        ("s3n://b/k", "s3://b/k"),
        ("GS://b/k//", "gs://b/k"),
        ("file:///a/b", "/a/b"),
        ("FILE:///a/b/", "/a/b"),
        ("file://localhost/a/b", "/a/b"),
        ("file:///a%20b/%C3%BC", "/a b/ü"),
        ("file:///a/../b/./c", "/b/c"),
        ("file:///", "/"),
        ("file:///data/run#1.csv", "/data/run#1.csv"),
        ("file://server/share/x", "file://server/share/x"),
        ("https://h/x?versionId=3", "https://h/x?versionId=3"),
        ("s3://b/what?", "s3://b/what?"),
        ("s3://b/k/?versionId=3", "s3://b/k?versionId=3"),
        ("s3://b/part#1", "s3://b/part#1"),
        ("hdfs://nn:8020/a@b", "hdfs://nn:8020/a@b"),
        ("http://[::1]:8080/a@b", "http://[::1]:8080/a@b"),
        ("abfss://box@account.dfs.core.windows.net/x", "abfss://box@account.dfs.core.windows.net/x"),
        ("jdbc:postgresql://h/db", "jdbc:postgresql://h/db"),
        ("simplecache::S3://b/k", "simplecache::s3://b/k"),
    ],
)  # fmt: skip
def test_a_uri_has_one_form(name: str, expected: str) -> None:
    assert canonical(name) == expected
    assert canonical(expected) == expected


@pytest.mark.parametrize(
    "name",
    ["", "plain/", "Plain", "/a/b/", "/a//b", "pred-1", "models:/m/3", "é", "e\u0301", "1://x"],
)
def test_any_other_word_is_kept(name: str) -> None:
    assert canonical(name) == name


PRESIGNED = (
    "https://b.s3.amazonaws.com/k?versionId=3&X-Amz-Algorithm=A&X-Amz-Date=2026"
    "&X-Amz-Credential=hunter2&X-Amz-Security-Token=hunter2&X-Amz-Signature=hunter2"
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("postgresql://bob:hunter2@db:5432/x", "postgresql://bob@db:5432/x"),
        ("postgresql://bob:hun@ter2@db/x", "postgresql://bob@db/x"),
        ("postgresql://bob:hun/ter2@db/x", "postgresql://bob@db/x"),
        ("redis://:hunter2@cache/0", "redis://cache/0"),
        ("jdbc:postgresql://bob:hunter2@db/x", "jdbc:postgresql://bob@db/x"),
        ("https://h/x?token=hunter2", "https://h/x"),
        ("https://h/x?a=1&api_key=hunter2&b=2", "https://h/x?a=1&b=2"),
        ("https://h/x?key=hunter2#part", "https://h/x#part"),
        ("https://h/x#access_token=hunter2", "https://h/x"),
        (PRESIGNED, "https://b.s3.amazonaws.com/k?versionId=3"),
        (
            "https://a.blob.core.windows.net/c/x?sv=2022&st=1&se=2&sr=b&sp=r&sig=hunter2%3D",
            "https://a.blob.core.windows.net/c/x",
        ),
    ],
)
def test_a_secret_is_no_part_of_a_name(name: str, expected: str) -> None:
    assert canonical(name) == expected
    assert canonical(expected) == expected


def test_an_object_keeps_its_name_when_its_signature_is_renewed() -> None:
    url = "https://b/k?X-Amz-Date=2026010{0}&X-Amz-Expires=60&X-Amz-Signature={0}abc"

    assert canonical(url.format(1)) == canonical(url.format(2))
    assert canonical("https://b/k?page=1&token=a") != canonical("https://b/k?page=2&token=a")


def test_a_token_for_a_user_and_a_url_within_a_text_are_hidden() -> None:
    token = "ghp_" + "a1B2" * 9

    assert token not in canonical(f"https://{token}@github.com/x")
    assert "hunter2" not in canonical("see https://bob:hunter2@h/x")


@given(st.text(max_size=60) | st.text("s3:/a@?#&=.%", max_size=30))
def test_the_canonical_form_is_stable_and_can_be_stored(name: str) -> None:
    once = canonical(name)

    assert canonical(once) == once
    once.encode()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("x.csv", "/w/x.csv"),
        ("./x.csv", "/w/x.csv"),
        ("../x.csv", "/x.csv"),
        ("/a/b", "/a/b"),
        ("/a//b/./c/../d/", "/a/b/d"),
        ("//a/b", "/a/b"),
        ("/", "/"),
        ("~/x", "/w/~/x"),
        (b"/a/b", "/a/b"),
        (b"x", "/w/x"),
        (PurePosixPath("a/b"), "/w/a/b"),
        ("S3A://b/k/", "s3://b/k"),
        ("file:///a/b", "/a/b"),
        ("postgresql://bob:hunter2@db/x", "postgresql://bob@db/x"),
        ("/a/s3://b", "/a/s3:/b"),
        (b"/a/\xff", "/a/\\xff"),
        ("/a/ü", "/a/ü"),
    ],
)
def test_a_path_is_made_absolute(path: str | bytes | os.PathLike[str], expected: str) -> None:
    assert path_name(path, "/w") == expected
    path_name(path, "/w").encode()


def test_the_working_folder_of_the_moment_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = path_name("x")
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")

    assert before == os.path.join(os.getcwd(), "..", "x").replace("/sub/..", "")
    assert path_name("x") == os.path.join(os.getcwd(), "x")
    assert path_name(Path("x")) == path_name(b"x") == path_name("./x")


def test_links_are_not_resolved(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("x")
    (tmp_path / "link").symlink_to("real")

    assert path_name(tmp_path / "link") == str(tmp_path / "link")


def test_a_folder_that_was_removed_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert path_name("x").endswith("/x")
    monkeypatch.chdir(tmp_path)


@given(st.text(min_size=1, max_size=30).filter(lambda text: "\0" not in text))
def test_a_path_name_is_absolute_and_stable(path: str) -> None:
    name = path_name(path, "/w")

    assert name.startswith("/") or "://" in name
    assert path_name(name, "/elsewhere") == name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("/m/model.pkl", "model"),
        ("model.PT", "model"),
        ("s3://b/m.safetensors?versionId=2", "model"),
        ("/m/m.joblib.gz", "model"),
        ("models:/churn/3", "model"),
        ("/m/saved.keras/", "model"),
        ("/data/x.parquet", "data"),
        ("x.csv.gz", "data"),
        ("s3://b/k", "data"),
        ("./x", "data"),
        ("/no/ending", "data"),
        ("postgresql://h/db", "data"),
        ("pred-1", "unknown"),
        ("sales.orders", "unknown"),
        ("batch/2026/1", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_name_suggests_a_kind(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_a_very_long_name_is_cut_and_still_tells_itself_from_others() -> None:
    begin = "/data/" + "é" * 3000
    first, second = file_name(begin + "1"), file_name(begin + "2")

    assert first != second
    assert first.startswith("/data/é")
    assert len(first.encode()) <= 2000
    assert bounded(first) == first
    assert bounded("x" * 2000) == "x" * 2000
