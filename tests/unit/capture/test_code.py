"""Where code lies, what it says, and which commit it is."""

from __future__ import annotations

import functools
import importlib.util
import linecache
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from backtrail.capture import code
from backtrail.capture.code import (
    CodeLocation,
    is_dirty,
    locate,
    read_block_source,
    read_git_head,
    read_source,
    shown_file,
)
from backtrail.model.digest import digest_text

HERE = os.path.abspath(__file__)
AWS_KEY = "AKIA" + "Q3EGRIFXV5DLTWM7"


def git(folder: Path, *arguments: str) -> str:
    """Run git as somebody, whatever the settings of this machine."""
    environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for role in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{role}_NAME": "A", f"GIT_{role}_EMAIL": "a@example.org"}
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def commit(folder: Path, message: str = "a") -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit of one file, `pkg/steps.py`."""
    root = (tmp_path / "repository").resolve()
    (root / "pkg").mkdir(parents=True)
    (root / "pkg/steps.py").write_text("def step():\n    return 1\n")
    git(root, "init", "-q", "-b", "main")
    commit(root)
    return root


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    yield
    code._heads.clear()
    code._statuses.clear()
    code._work_tree.cache_clear()


def load(file: Path) -> ModuleType:
    """Load a module from a file, as an import does."""
    spec = importlib.util.spec_from_file_location(f"loaded_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -- where a function is written ---------------------------------------------------


def decorate(func: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return wrapper


def plain() -> None: ...


@decorate
@decorate
def decorated() -> None: ...


class Step:
    def method(self) -> None: ...

    @staticmethod
    def static() -> None: ...

    @classmethod
    def class_method(cls) -> None: ...

    def __call__(self) -> None: ...


async def coroutine() -> None: ...


def generator() -> Iterator[int]:
    yield 1


def line_of(text: str) -> int:
    lines = Path(__file__).read_text("utf-8").splitlines()
    return lines.index(text) + 1


@pytest.mark.parametrize(
    ("func", "line", "name"),
    [
        (plain, "def plain() -> None: ...", "plain"),
        (coroutine, "async def coroutine() -> None: ...", "coroutine"),
        (generator, "def generator() -> Iterator[int]:", "generator"),
        (Step.method, "    def method(self) -> None: ...", "Step.method"),
        (Step().method, "    def method(self) -> None: ...", "Step.method"),
        (Step.static, "    @staticmethod", "Step.static"),
        (Step.__dict__["static"], "    @staticmethod", "Step.static"),
        (Step.class_method, "    @classmethod", "Step.class_method"),
        (Step.__dict__["class_method"], "    @classmethod", "Step.class_method"),
        (Step(), "    def __call__(self) -> None: ...", "Step.__call__"),
        (functools.partial(plain), "def plain() -> None: ...", "plain"),
        (
            functools.partial(functools.partial(Step().method)),
            "    def method(self) -> None: ...",
            "Step.method",
        ),
        (functools.partialmethod(plain), "def plain() -> None: ...", "plain"),
        (functools.lru_cache(plain), "def plain() -> None: ...", "plain"),
    ],
)
def test_a_function_is_found_under_whatever_lies_around_it(
    func: object, line: str, name: str
) -> None:
    assert locate(func) == CodeLocation(HERE, line_of(line), name)


def test_the_line_is_that_of_the_first_decorator() -> None:
    assert locate(decorated) == CodeLocation(HERE, line_of("@decorate"), "decorated")


@pytest.mark.parametrize("func", [len, print, [].append, "".join, os.stat, functools.partial(len)])
def test_a_function_without_code_has_a_name_only(func: Any) -> None:
    place = locate(func)

    assert (place.file, place.line) == (None, None)
    assert place.function


@pytest.mark.parametrize("func", [dict, Step, 5, None, object()])
def test_what_is_no_function_raises_nothing(func: object) -> None:
    assert locate(func).file is None
    assert read_source(func) is None


def test_an_object_that_answers_to_any_name_ends() -> None:
    class Answers:
        def __getattr__(self, name: str) -> Any:
            return self

        def __call__(self) -> None: ...

    assert str(locate(Answers()).function).endswith("Answers.__call__")


def test_a_function_that_wraps_itself_ends() -> None:
    def step() -> None: ...

    step.__wrapped__ = step  # type: ignore[attr-defined]

    assert locate(step).file == HERE


def test_code_that_was_typed_in_has_no_file() -> None:
    namespace: dict[str, Any] = {}
    exec("def step():\n    return 1", namespace)

    assert locate(namespace["step"]) == CodeLocation(None, 1, "step")
    assert read_source(namespace["step"]) is None


# -- its source --------------------------------------------------------------------


def test_source_is_read_with_its_digest() -> None:
    source = read_source(decorated)

    assert source is not None
    digest, text = source
    assert text == "@decorate\n@decorate\ndef decorated() -> None: ...\n"
    assert digest == digest_text(text)


def test_a_lambda_has_no_source_of_its_own() -> None:
    assert read_source(lambda: 1) is None


@pytest.mark.parametrize("func", [len, os.stat, functools.partial(len), dict.get])
def test_a_c_function_has_no_source(func: object) -> None:
    assert read_source(func) is None


def test_source_need_not_be_ascii_or_utf_8(tmp_path: Path) -> None:
    (tmp_path / "utf.py").write_text("def schritt():\n    return 'größe 漢字 🙂'\n", "utf-8")
    latin = "# coding: latin-1\ndef schritt():\n    return 'größe'\n"
    (tmp_path / "latin.py").write_text(latin, "latin-1")

    for name, word in (("utf", "größe 漢字 🙂"), ("latin", "größe")):
        source = read_source(load(tmp_path / f"{name}.py").schritt)
        assert source is not None
        assert word in source[1]


def test_secrets_are_taken_out_of_source_after_its_digest_was_made(tmp_path: Path) -> None:
    file = tmp_path / "steps.py"
    text = f"def step():\n    return {AWS_KEY!r}\n"
    file.write_text(text)

    source = read_source(load(file).step)

    assert source is not None
    assert source[0] == digest_text(text)
    assert AWS_KEY not in source[1]


def test_very_long_source_is_capped(tmp_path: Path) -> None:
    file = tmp_path / "steps.py"
    text = "def step():\n" + "    x = 'aaaa bbbb cccc dddd'\n" * 12_000
    file.write_text(text)

    source = read_source(load(file).step)

    assert source is not None
    assert source[0] == digest_text(text)
    assert len(source[1]) == 256 * 1024


def test_the_end_of_the_file_is_no_part_of_the_source(tmp_path: Path) -> None:
    (tmp_path / "with_end.py").write_text("def step():\n    return 1\n\n\n")
    (tmp_path / "without.py").write_text("def step():\n    return 1")

    first = read_source(load(tmp_path / "with_end.py").step)
    second = read_source(load(tmp_path / "without.py").step)

    assert first is not None
    assert first == second


def test_a_file_that_changed_after_loading_is_not_taken_for_the_function(tmp_path: Path) -> None:
    file = tmp_path / "steps.py"
    file.write_text("def step():\n    return 1\n")
    step = load(file).step
    file.write_text("def another():\n    return 2\n" * 3)
    linecache.checkcache()

    assert read_source(step) is None


@pytest.mark.parametrize("text", [None, "", "def step(:\n  '''", "\0"])
def test_a_file_that_is_gone_or_broken_gives_no_source(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "steps.py"
    file.write_text("\n\n\ndef step():\n    return 1\n")
    step = load(file).step
    file.unlink()
    if text is not None:
        file.write_text(text)
    linecache.checkcache()

    assert read_source(step) is None


# -- the commit --------------------------------------------------------------------


def test_a_file_outside_of_any_repository_has_no_commit(tmp_path: Path) -> None:
    assert read_git_head(str(tmp_path / "steps.py")) is None


def test_the_commit_of_a_branch_is_read(repository: Path) -> None:
    expected = (str(repository), git(repository, "rev-parse", "HEAD"))

    assert read_git_head(str(repository / "pkg/steps.py")) == expected
    assert read_git_head(str(repository / "pkg")) == expected
    assert read_git_head(str(repository)) == expected


def test_a_later_commit_is_seen_by_a_process_that_goes_on(repository: Path) -> None:
    first = read_git_head(str(repository))
    second = commit(repository, "b")

    assert first is not None
    assert first.hash != second
    assert read_git_head(str(repository)) == (str(repository), second)

    git(repository, "checkout", "-q", "-b", "other")
    third = commit(repository, "c")
    assert read_git_head(str(repository)) == (str(repository), third)

    git(repository, "pack-refs", "--all")
    assert read_git_head(str(repository)) == (str(repository), third)

    git(repository, "checkout", "-q", "main")
    assert read_git_head(str(repository)) == (str(repository), second)


def test_packed_refs_and_branches_with_slashes_are_read(repository: Path) -> None:
    git(repository, "checkout", "-q", "-b", "feature/deep/one")
    expected = commit(repository, "b")
    git(repository, "tag", "-a", "-m", "t", "v1")
    git(repository, "pack-refs", "--all")
    assert not (repository / ".git/refs/heads/feature/deep/one").exists()

    assert read_git_head(str(repository)) == (str(repository), expected)


def test_a_detached_head_is_read(repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    commit(repository, "b")
    git(repository, "checkout", "-q", "--detach", first)

    assert read_git_head(str(repository)) == (str(repository), first)


def test_a_linked_worktree_is_read(repository: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    git(repository, "worktree", "add", "-q", "-b", "side", str(linked))
    expected = commit(linked, "b")

    assert read_git_head(str(linked / "pkg/steps.py")) == (str(linked.resolve()), expected)
    git(repository, "pack-refs", "--all")
    assert read_git_head(str(linked)) == (str(linked.resolve()), expected)


def test_a_submodule_is_a_repository_of_its_own(repository: Path, tmp_path: Path) -> None:
    outer = (tmp_path / "outer").resolve()
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(repository), "sub")
    commit(outer)

    expected = git(repository, "rev-parse", "HEAD")
    assert read_git_head(str(outer / "sub/pkg/steps.py")) == (str(outer / "sub"), expected)


def test_a_head_that_links_to_a_link_is_read(repository: Path) -> None:
    expected = git(repository, "rev-parse", "HEAD")
    git(repository, "symbolic-ref", "refs/heads/alias", "refs/heads/main")
    git(repository, "symbolic-ref", "HEAD", "refs/heads/alias")

    assert read_git_head(str(repository)) == (str(repository), expected)


def test_a_repository_without_a_commit_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")

    assert read_git_head(str(tmp_path)) is None
    assert shown_file(str(tmp_path / "steps.py")) == "steps.py"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("HEAD", ""),
        ("HEAD", "ref: refs/heads/.invalid\n"),  # how the reftable format looks
        ("HEAD", "ref: ../../../../etc/passwd\n"),
        ("HEAD", "\0\xff"),
        ("refs/heads/main", "not a hash\n"),
        ("refs/heads/main", "ref: refs/heads/main\n"),
    ],
)
def test_a_damaged_repository_has_no_commit(repository: Path, file: str, text: str) -> None:
    (repository / ".git" / file).write_text(text)

    assert read_git_head(str(repository)) is None


def test_an_empty_git_folder_is_no_repository(repository: Path) -> None:
    (repository / "pkg/.git").mkdir()

    found = read_git_head(str(repository / "pkg"))

    assert found is not None
    assert found.root == str(repository)


def test_a_link_leads_to_the_repository_that_holds_the_file(
    repository: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link.py"
    link.symlink_to(repository / "pkg/steps.py")

    found = read_git_head(str(link))

    assert found is not None
    assert found.root == str(repository)
    assert shown_file(str(link)) == "pkg/steps.py"
    assert is_dirty(found.root, str(link)) is False


def test_asking_again_reads_no_file(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read_git_head(str(repository))
    monkeypatch.setattr(Path, "read_text", lambda *args: pytest.fail("read again"))

    assert read_git_head(str(repository)) == first


# -- whether it was changed since --------------------------------------------------


def test_a_clean_work_tree_is_not_dirty(repository: Path) -> None:
    assert is_dirty(str(repository), str(repository / "pkg/steps.py")) is False


def test_a_changed_file_makes_the_work_tree_dirty(repository: Path) -> None:
    (repository / "pkg/steps.py").write_text("def step():\n    return 2\n")

    assert is_dirty(str(repository), str(repository / "pkg/steps.py")) is True


def test_a_staged_change_is_a_change(repository: Path) -> None:
    (repository / "pkg/steps.py").write_text("def step():\n    return 2\n")
    git(repository, "add", "-A")

    assert is_dirty(str(repository), str(repository / "pkg/steps.py")) is True


def test_a_file_that_git_does_not_know_is_dirty_and_others_are_not(repository: Path) -> None:
    new = repository / "pkg/new.py"
    new.write_text("")

    assert is_dirty(str(repository), str(new)) is True
    assert is_dirty(str(repository), str(repository / "pkg/steps.py")) is False
    assert is_dirty(str(repository), None) is False


def test_an_ignored_file_is_dirty(repository: Path) -> None:
    (repository / ".gitignore").write_text("ignored.py\n")
    commit(repository)
    (repository / "ignored.py").write_text("")

    assert is_dirty(str(repository), str(repository / "ignored.py")) is True


def test_a_file_elsewhere_is_dirty(repository: Path, tmp_path: Path) -> None:
    assert is_dirty(str(repository), str(tmp_path / "elsewhere.py")) is True


def test_file_names_are_no_patterns(repository: Path) -> None:
    (repository / "a[b]*.py").write_text("")

    assert is_dirty(str(repository), str(repository / "a[b]*.py")) is True
    commit(repository)
    assert is_dirty(str(repository), str(repository / "a[b]*.py")) is False


def test_the_variables_of_an_outer_git_command_lead_nowhere_else(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / "index"))

    assert is_dirty(str(repository), str(repository / "pkg/steps.py")) is False


def test_a_repository_cannot_make_us_start_a_program(repository: Path, tmp_path: Path) -> None:
    mark, program = tmp_path / "mark", tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(program))

    is_dirty(str(repository), str(repository / "pkg/steps.py"))

    assert not mark.exists()


def test_without_git_it_is_not_known(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert is_dirty(str(repository), str(repository / "pkg/steps.py")) is None


def test_git_that_does_not_answer_is_given_up(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\nexec sleep 5\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(code, "_GIT_TIMEOUT_S", 0.1)

    assert is_dirty(str(repository), str(repository / "pkg/steps.py")) is None


def test_outside_of_a_repository_it_is_not_known(tmp_path: Path) -> None:
    assert is_dirty(str(tmp_path), str(tmp_path / "steps.py")) is None


def test_many_functions_share_one_answer(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    ask = code._git

    def count(root: str, *arguments: str) -> tuple[int, bytes] | None:
        asked.append(arguments[0])
        return ask(root, *arguments)

    monkeypatch.setattr(code, "_git", count)
    for _ in range(5):
        is_dirty(str(repository), str(repository / "pkg/steps.py"))

    assert asked.count("status") == 1


# -- how a file is shown -----------------------------------------------------------


def test_a_file_is_shown_relative_to_its_repository(repository: Path) -> None:
    assert shown_file(str(repository / "pkg/steps.py")) == "pkg/steps.py"


def test_a_file_without_repository_is_shown_relative_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    assert shown_file(str(tmp_path / "work/a/steps.py")) == "a/steps.py"
    assert shown_file(str(tmp_path / "workshop/steps.py")) == str(tmp_path / "workshop/steps.py")
    assert shown_file(None) is None


def test_a_file_is_shown_where_the_working_folder_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert shown_file(str(tmp_path / "steps.py")) == str(tmp_path / "steps.py")


def test_a_file_in_another_encoding_can_be_shown(tmp_path: Path) -> None:
    shown = shown_file(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.py"))

    assert shown is not None
    assert shown.encode()


@pytest.mark.parametrize(
    ("line", "source"),
    [
        (1, "with run('one'): pass\n"),
        (3, "with run('two'):\n    # why\n    made = '''\nx'''\n\n    print(made)\n"),
        (11, "async with (\n    run('three'),\n    other,\n):\n    pass\n"),
        (17, None),
        (18, None),
        (900, None),
    ],
)
def test_the_source_of_a_block_is_its_with_statement(
    tmp_path: Path, line: int, source: str | None
) -> None:
    file = tmp_path / "blocks.py"
    file.write_text(BLOCKS)

    found = read_block_source(CodeLocation(str(file), line, None))

    assert (found and found[1]) == source


BLOCKS = """with run('one'): pass
def f():
    with run('two'):
        # why
        made = '''
x'''

        print(made)
    # after
    async with (
        run('three'),
        other,
    ):
        pass
with other:
    # no block of ours begins here
    r = run('four')
r = run('five')
"""
