"""Which code a function is: its place at once, its source and git state in the background."""

from __future__ import annotations

import functools
import inspect
import linecache
import os
import re
import time
import tokenize
from types import CodeType, FrameType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from ..model.redaction import redact_text

if TYPE_CHECKING:
    from pathlib import Path

_MOST_WRAPPED = 100
_MOST_LINKED = 5
_MOST_SOURCE = 256 * 1024
_MOST_LINES = 2000
_WITH = re.compile(r"([ \t]*)(?:async[ \t]+)?with\b")
_GIT_TIMEOUT_S = 10.0
_STATUS_VALID_S = 10.0
_HASH_LENGTHS = (40, 64)
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
# What a git hook or an outer git command sets, and would send us to another repository.
_GIT_PLACES = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
)


class CodeLocation(NamedTuple):
    """Where a function is written; None is what is not known. ``file`` is absolute."""

    file: str | None
    line: int | None
    function: str | None


class GitHead(NamedTuple):
    """The commit that a work tree has checked out."""

    root: str
    hash: str


# -- the function ----------------------------------------------------------------------


def locate(func: object) -> CodeLocation:
    """Tell where a function is written, without reading any file.

    The line is that of the first decorator. Wrappers, partials and methods are
    taken off; a callable object is found by its ``__call__``.
    """
    bare = _bare(func)
    code = getattr(bare, "__code__", None)
    name = getattr(bare, "__qualname__", None)
    function = name if isinstance(name, str) else None
    if not isinstance(code, CodeType):
        return CodeLocation(None, None, function)
    file = code.co_filename
    if not file or file[0] == "<":  # typed in, or made by exec()
        return CodeLocation(None, code.co_firstlineno, function)
    return CodeLocation(os.path.abspath(file), code.co_firstlineno, function)


def _bare(func: Any) -> Any:
    """Take off what lies around the function that somebody wrote."""
    for _ in range(_MOST_WRAPPED):
        if isinstance(func, (functools.partial, functools.partialmethod)):
            func = func.func
        elif inspect.ismethod(func) or isinstance(func, (staticmethod, classmethod)):
            func = func.__func__
        elif "__wrapped__" in getattr(func, "__dict__", ()):
            # In its own dict only: an object's __getattr__ may answer to any name.
            func = func.__dict__["__wrapped__"]
        else:
            break
    if isinstance(func, FunctionType) or inspect.isroutine(func) or inspect.isclass(func):
        return func
    call = getattr(type(func), "__call__", None)  # noqa: B004 - the function, not whether there is one
    return _bare(call) if isinstance(call, FunctionType) else call


def read_source(func: object) -> tuple[str, str] | None:
    """Give the digest of a function's source, and its text without secrets.

    None where there is no source to read: a lambda, a C function, a function
    typed in or made by exec(), a file that has changed or is gone. Reads and
    parses the file, so it is for the background.
    """
    bare = _bare(func)
    code = getattr(bare, "__code__", None)
    if not isinstance(code, CodeType) or code.co_name == "<lambda>":
        return None
    try:
        text = inspect.getsource(bare)
    except (OSError, TypeError, SyntaxError, ValueError, IndexError, tokenize.TokenError):
        return None
    if code.co_name not in text:
        # The file was edited after it was loaded, and these lines are others'.
        return None
    return _kept_source(text)


def _kept_source(text: str) -> tuple[str, str]:
    # The last line of a file may lack its end; that is no other source.
    text = text.rstrip("\n") + "\n"
    from ..model.digest import digest_text

    digest = digest_text(text)
    return digest, redact_text(text)[:_MOST_SOURCE]


# -- a block of code -------------------------------------------------------------------


def locate_block(frame: FrameType) -> CodeLocation:
    """Tell where the code stands that a frame is at, without reading any file."""
    file, name = frame.f_code.co_filename, frame.f_code.co_name
    function = None if name == "<module>" else name
    if not file or file[0] == "<":
        return CodeLocation(None, frame.f_lineno, function)
    return CodeLocation(os.path.abspath(file), frame.f_lineno, function)


def read_block_source(place: CodeLocation) -> tuple[str, str] | None:
    """Give the digest of the `with` statement at a place, and its text without secrets.

    None where there is no such statement to read. How deep it is indented does not
    count. Reads the file, so it is for the background.
    """
    if place.file is None or place.line is None:
        return None
    linecache.checkcache(place.file)
    lines = linecache.getlines(place.file)[: place.line + _MOST_LINES]
    for start in range(place.line - 1, max(-1, place.line - _MOST_LINES), -1):
        opening = _WITH.match(lines[start]) if start < len(lines) else None
        if opening is not None:
            header, end = _extent(lines[start:])
            if start + header < place.line:
                return None
            block = lines[start : start + end]
            return _kept_source("".join(line.removeprefix(opening.group(1)) for line in block))
    return None


def _extent(lines: list[str]) -> tuple[int, int]:
    """Give how many lines the header of the statement takes that they begin with, and all of it.

    By tokens: up to Python 3.11.7 a tree that one thread makes breaks that of another
    (gh-106905), which may be the user's.
    """
    header = end = 0
    depth = -1 if lines[0][:1].isspace() else 0
    try:
        for token in tokenize.generate_tokens(iter(lines).__next__):
            if token.type == tokenize.NEWLINE:
                header, end = header or token.start[0], token.start[0]
            elif token.type in (tokenize.INDENT, tokenize.DEDENT):
                depth += 1 if token.type == tokenize.INDENT else -1
            elif header and depth <= 0 and token.type not in (tokenize.NL, tokenize.COMMENT):
                break
    except (tokenize.TokenError, SyntaxError):
        pass  # what follows is indented less, or the lines were cut
    return header, end


def shown_file(file: str | None) -> str | None:
    """Give a file as records show it: relative to its git work tree.

    Outside of one, relative to the working directory if it is below that; else
    absolute.
    """
    if file is None:
        return None
    real = os.path.realpath(file)
    base = _work_tree(os.path.dirname(real))
    if base is None:
        base = _working_directory()
    if base is not None and real.startswith(base.rstrip(os.sep) + os.sep):
        file = os.path.relpath(real, base).replace(os.sep, "/")
    # A name in another encoding has lone surrogates, which no record can hold.
    return file.encode("utf-8", "backslashreplace").decode()


def _working_directory() -> str | None:
    try:
        return os.path.realpath(os.getcwd())
    except OSError:  # it was deleted
        return None


# -- the commit, by reading files only ---------------------------------------------------


def read_git_head(path: str) -> GitHead | None:
    """Tell which commit is checked out where this file or folder lies.

    No process is started; it is known for each folder, and read again only when
    one of the few files that tell it has changed. None outside of a work tree,
    before its first commit, and for the reftable format.
    """
    real = os.path.realpath(path)
    folder = real if os.path.isdir(real) else os.path.dirname(real)
    root = _work_tree(folder)
    if root is None:
        return None
    seen = _heads.get(root)
    if seen is None or any(_stamp(file) != stamp for file, stamp in seen.stamps.items()):
        from pathlib import Path  # not to register a function, only to record a run of it

        stamps: dict[str, tuple[int, ...] | None] = {}
        _heads[root] = seen = _SeenHead(_read_head(Path(root), stamps), stamps)
    return None if seen.hash is None else GitHead(root, seen.hash)


class _SeenHead(NamedTuple):
    """A head, and the state of the files that told it when it was read."""

    hash: str | None
    stamps: dict[str, tuple[int, ...] | None]


_heads: dict[str, _SeenHead] = {}


@functools.lru_cache(maxsize=4096)
def _work_tree(folder: str) -> str | None:
    from pathlib import Path

    here = Path(folder)
    for candidate in (here, *here.parents):
        if _git_folder(candidate) is not None:
            return str(candidate)
    return None


def _git_folder(root: Path) -> Path | None:
    """Give the folder of a work tree's own git state: ``.git``, or what that file names."""
    marker = root / ".git"
    try:
        if marker.is_dir():
            # An empty folder of that name is no repository.
            return marker if (marker / "HEAD").exists() else None
        text = marker.read_text("utf-8", "surrogateescape")
    except OSError:
        return None
    key, _, place = text.partition(":")
    return root / place.strip() if key == "gitdir" else None


def _read_head(root: Path, stamps: dict[str, tuple[int, ...] | None]) -> str | None:
    own = _git_folder(root)
    if own is None:
        return None
    common = own / (_read(own / "commondir", stamps) or "")
    text = _read(own / "HEAD", stamps)
    for _ in range(_MOST_LINKED):
        if text is None:
            return None
        if not text.startswith("ref:"):
            return text if _is_hash(text) else None
        ref = text[len("ref:") :].strip()
        # Its own folder first: a worktree keeps a few refs to itself.
        text = (
            _read(own / ref, stamps)
            or _read(common / ref, stamps)
            or _packed(common / "packed-refs", ref, stamps)
        )
    return None


def _packed(file: Path, ref: str, stamps: dict[str, tuple[int, ...] | None]) -> str | None:
    for line in (_read(file, stamps) or "").splitlines():
        value, _, name = line.partition(" ")
        if name == ref:
            return value
    return None


def _read(file: Path, stamps: dict[str, tuple[int, ...] | None]) -> str | None:
    # The stamp is taken first: a change in between makes it stale, never the text.
    stamps[str(file)] = _stamp(str(file))
    try:
        return file.read_text("utf-8", "surrogateescape").strip()
    except OSError:
        return None


def _stamp(file: str) -> tuple[int, ...] | None:
    try:
        state = os.stat(file)
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino


def _is_hash(text: str) -> bool:
    return len(text) in _HASH_LENGTHS and set(text) <= set("0123456789abcdef")


def source_at(folder: str, commit: str, file: str) -> str | None:
    """Give a file's text at a commit of the repository that holds a folder, without secrets.

    None where there is no such repository, commit or file. Starts a process.
    """
    root = _work_tree(os.path.realpath(folder))
    # Both come from what was recorded: neither must be able to be an option of git.
    if root is None or not _COMMIT.fullmatch(commit) or os.path.isabs(file):
        return None
    output = _git(root, "show", f"{commit}:{file}")
    if output is None or output[0] != 0 or len(output[1]) > _MOST_SOURCE:
        return None
    return redact_text(output[1].decode("utf-8", "replace"))


# -- whether it was changed since, by asking git -----------------------------------------


def is_dirty(root: str, file: str | None) -> bool | None:
    """Tell whether the work tree differs from its commit, or does not hold ``file``.

    None where git cannot tell: it is missing, too slow, or refuses. Starts
    processes and may take seconds, so it is for the background.
    """
    root = os.path.realpath(root)
    if file is not None and _is_tracked(root, os.path.realpath(file)) is False:
        return True
    now = time.monotonic()
    known = _statuses.get(root)
    if known is None or now > known[0]:
        # Many functions are registered at once; they share one answer.
        output = _git(root, "status", "--porcelain", "--untracked-files=no")
        dirty = None if output is None or output[0] != 0 else bool(output[1].strip())
        _statuses[root] = known = (now + _STATUS_VALID_S, dirty)
    return known[1]


_statuses: dict[str, tuple[float, bool | None]] = {}


def _is_tracked(root: str, file: str) -> bool | None:
    relative = os.path.relpath(file, root)
    if relative.startswith(os.pardir):
        return False
    output = _git(root, "ls-files", "--error-unmatch", "--", relative)
    if output is None or output[0] not in (0, 1):
        return None
    return output[0] == 0


def _git(root: str, *arguments: str) -> tuple[int, bytes] | None:
    """Run git, without leaving anything behind; None when it gave no answer."""
    import subprocess  # slow to import, and most processes that ask `bt` never come here

    environment = {key: value for key, value in os.environ.items() if key not in _GIT_PLACES}
    command = [
        "git",
        "--no-optional-locks",
        "--literal-pathspecs",
        # A repository may name a program here that git would start.
        "-c",
        "core.fsmonitor=false",
        "-C",
        root,
        *arguments,
    ]
    try:
        done = subprocess.run(
            command,
            env={**environment, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.returncode, done.stdout
