"""docs/reference says all there is, and nothing that there is not; links lead somewhere."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from docs.test_examples import blocks_of
from servers import Server

import backtrail
from backtrail import Client, connect, errors
from backtrail.cli import failures
from backtrail.cli.program import ALIASES, VERBS, program
from backtrail.debugger import commands as shell
from backtrail.debugger import preferences
from backtrail.journal import segment
from backtrail.model import diffs, explanation, records, staleness
from backtrail.query import review
from backtrail.query.backtrace import Backtrace
from backtrail.query.diff import BacktraceDiff
from backtrail.query.explain import Explanation
from backtrail.query.staleness import Staleness
from backtrail.render import words
from backtrail.render.narrative import mark_of_warning
from backtrail.settings import _FROM_ENVIRONMENT, Settings
from backtrail.store.migrations import migrations
from backtrail.testing import Lineage

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs/reference"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
PAGES += sorted((ROOT / "docs").rglob("*.md"))

SHELL = (REFERENCE / "shell.md").read_text("utf-8")
PYTHON, COMMANDS, JSON, WARNINGS, JOURNAL, SCHEMA = (
    (REFERENCE / f"{name}.md").read_text("utf-8")
    for name in ("python-api", "commands", "json", "warnings-and-errors", "journal", "schema")
)
CONFIGURE = (ROOT / "docs/how-to/configure.md").read_text("utf-8")

FUNCTIONS = [name for name in backtrail.__all__ if inspect.isroutine(getattr(backtrail, name))]
ANSWERS = (
    Backtrace,
    records.Frame,
    records.Run,
    records.Input,
    records.Output,
    records.Code,
    records.TracedOutput,
    records.FrameWarning,
    records.Gap,
    records.ComponentRecord,
    records.Match,
    review.Review,
    review.ReviewRow,
    review.Suspect,
    Explanation,
    explanation.Sentence,
    Staleness,
    staleness.StaleReason,
    staleness.RunName,
    staleness.Cause,
    staleness.Compared,
    staleness.NotKnown,
    staleness.Refresh,
    BacktraceDiff,
    diffs.DiffRow,
    diffs.Divergence,
    diffs.Change,
)
DOCUMENT_KEYS = {
    "show": ["show", "pred-1"],
    "recent": ["recent"],
    "stale": ["stale", "pred-1"],
    "explain": ["explain", "pred-1"],
    "find": ["find", "pred"],
    "components": ["components"],
    "export": ["export", "pred-1", "--format", "svg"],
    "flag": ["flag", "pred-1"],
    "unflag": ["unflag", "--all"],
    "review --list": ["review", "--list"],
    "db stats": ["db", "stats"],
    "db prune": ["db", "prune", "--keep", "90d"],
    "db copy": ["db", "copy", "--to", "sqlite:///copied.db"],
    "db check": ["db", "check"],
    "db upgrade": ["db", "upgrade"],
    "doctor": ["doctor"],
    "help": ["help"],
    "completion": ["completion", "zsh"],
}


def sections(page: str, level: str = "##") -> dict[str, str]:
    """The text below each heading of a level, by heading."""
    parts = re.split(rf"^{level} (.+)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def first_cells(text: str) -> list[str]:
    """What stands between backticks in the first column of the tables of a text."""
    rows = re.findall(r"^\|((?:[^|\\]|\\.)*)\|", text, flags=re.MULTILINE)
    return [code.replace("\\|", "|") for row in rows for code in re.findall(r"`([^`]+)`", row)]


def quoted(text: str) -> set[str]:
    """All that a text has between backticks."""
    return set(re.findall(r"`([^`\n]+)`", text))


def keys_of(value: Any) -> Any:
    """The keys of a JSON document, level by level; of a list, those of its first entry."""
    if isinstance(value, dict):
        return {key: keys_of(inner) for key, inner in value.items()}
    return keys_of(value[0]) if isinstance(value, list) and value else None


# -- Python ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", backtrail.__all__)
def test_every_public_name_is_described(name: str) -> None:
    headings = re.findall(r"^### (.+)$", PYTHON, flags=re.MULTILINE)

    assert name in headings or f"`{name}`" in PYTHON


@pytest.mark.parametrize("name", [*FUNCTIONS, "Pointer", "Component"])
def test_a_signature_is_that_of_the_code(name: str) -> None:
    block = blocks_of(sections(PYTHON, "###")[name])[0]
    [definition] = ast.parse(f"def {block.text.strip()}: ...").body
    assert isinstance(definition, ast.FunctionDef)

    said = definition.args
    known = inspect.signature(getattr(backtrail, name)).parameters.values()

    assert definition.name == name
    assert [arg.arg for arg in said.args] == [
        each.name for each in known if each.kind is each.POSITIONAL_OR_KEYWORD
    ]
    assert [arg.arg for arg in said.kwonlyargs] == [
        each.name for each in known if each.kind is each.KEYWORD_ONLY
    ]
    assert bool(said.kwarg) == any(each.kind is each.VAR_KEYWORD for each in known)
    defaults = [*said.defaults, *(default for default in said.kw_defaults if default is not None)]
    assert [ast.literal_eval(default) for default in defaults] == [
        each.default for each in known if each.default is not each.empty
    ]


def test_every_member_of_a_client_is_described() -> None:
    members = [name for name in vars(Client) if not name.startswith("_")]

    described = {name.partition("(")[0] for name in quoted(sections(PYTHON, "###")["Client"])}

    assert set(members) - described == set()


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.__name__)
def test_every_member_of_an_answer_is_described(answer: type) -> None:
    members = set(getattr(answer, "__struct_fields__", ())) or {
        field.name for field in dataclasses.fields(answer)
    }
    members |= {name for name in vars(answer) if not name.startswith("_")}
    page = sections(PYTHON, "###")["What answers are made of"]

    lines = [line for line in page.splitlines() if f"`{answer.__name__}`" in line]
    if answer is Backtrace:
        lines = [page]
    described = {name.partition("(")[0] for name in quoted("\n".join(lines))}

    assert members - described == set()


def test_every_method_of_a_lineage_is_described_with_its_parameters() -> None:
    methods = {name: member for name, member in vars(Lineage).items() if not name.startswith("_")}
    said = dict(re.findall(r"`(\w+)\(([^`]*)\)`", sections(PYTHON)["Testing"]))

    assert said.keys() == methods.keys()
    for name, member in methods.items():
        known = list(inspect.signature(member).parameters)[1:]
        assert re.findall(r"(\w+)(?:=[^,]+)?(?:,|$)", said[name].replace("*, ", "")) == known


# -- commands ---------------------------------------------------------------------------


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command by the words that call it, those of groups among them."""
    context = click.Context(program)
    for name in VERBS:
        command = program.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {each}", sub) for each, sub in command.commands.items())


def options_of(command: click.Command) -> set[str]:
    given = [each for each in command.params if isinstance(each, click.Option)]
    return {name for option in given for name in option.opts}


COMMON = options_of(program) - {"--version"}


def test_every_command_has_a_section_and_no_other() -> None:
    headings = [name for name in sections(COMMANDS) if name.startswith("bt ")]

    assert headings == [f"bt {name}" for name, _ in commands()]


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=[n for n, _ in commands()])
def test_the_options_of_a_command_are_those_it_has(name: str, command: click.Command) -> None:
    said = first_cells(sections(COMMANDS)[f"bt {name}"])

    assert {word.partition(" ")[0] for word in said} == options_of(command) - COMMON
    assert options_of(command) >= COMMON


def test_the_options_of_every_command_are_described() -> None:
    said = first_cells(sections(COMMANDS)["Options of every command"])

    assert {word.partition(" ")[0] for word in said} == COMMON | {"-h", "--help"}


def test_every_command_of_the_shell_is_described_as_it_is_used() -> None:
    said = first_cells(sections(SHELL)["Commands"])

    assert said == [command.usage for command in shell.COMMANDS.values()]


def test_every_letter_and_alias_of_the_shell_is_described() -> None:
    text = sections(SHELL)["Commands"]

    assert {*shell.LETTERS, *shell.ALIASES} - quoted(text) == set()


def test_every_setting_of_the_shell_is_described() -> None:
    said = first_cells(sections(SHELL)["Settings"])

    assert said == list(preferences.NAMES)


@pytest.mark.parametrize("alias", ALIASES)
def test_every_alias_is_named_where_its_command_is_described(alias: str) -> None:
    section = sections(COMMANDS)[f"bt {ALIASES[alias]}"]

    assert f"`bt {alias}" in section


# -- settings ----------------------------------------------------------------------------


def test_every_setting_is_described_with_its_variable_and_default() -> None:
    table = sections(CONFIGURE)["Settings"]
    rows = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in table.splitlines()
        if line.startswith("| `")
    ]
    said = {row[0].strip("`"): (row[1].strip("`"), row[2].replace("`", "")) for row in rows}
    known = {field.name: field.default for field in dataclasses.fields(Settings)}

    assert said.keys() == known.keys()
    for name, (variable, default) in said.items():
        assert variable == _FROM_ENVIRONMENT.get(name, "BACKTRAIL_URL")
        if known[name] is not dataclasses.MISSING and known[name] is not None:
            assert default.partition(" ")[0] == str(known[name])


# -- JSON --------------------------------------------------------------------------------


@pytest.fixture
def recorded(client: Client, tmp_path: Path) -> Client:
    """A client of a store in which pred-1 was made from a file that another run made."""
    file = tmp_path / "table.csv"

    @client.register("clean", output_path=file)
    def clean() -> None:
        file.write_text("1")

    @client.register("serve", input_path=file)
    def serve(_depth: int) -> None:
        client.log("pred-1", value=0.83)

    clean()
    serve(3)
    return client


def test_the_example_of_a_backtrace_has_the_keys_of_a_real_one(recorded: Client) -> None:
    example = json.loads(blocks_of(sections(JSON)["Backtrace"])[0].text)
    real = recorded.backtrace("pred-1").to_dict()
    # What real backtraces have only sometimes, and by names of one's own.
    real["gaps"] = example["gaps"]
    real["frames"][0]["warnings"] = example["frames"][0]["warnings"]
    example["frames"][0]["params"] = real["frames"][0]["params"]

    assert keys_of(example) == keys_of(real)


def test_every_key_of_a_backtrace_is_described(recorded: Client) -> None:
    trace = recorded.backtrace("pred-1").to_dict()
    frame = trace["frames"][0]
    keys = {*trace, *trace["output"], *frame, *frame["code"], *frame["inputs"][0]}

    assert {*keys, *frame["outputs"][0]} - quoted(sections(JSON)["Backtrace"]) == set()


def test_every_key_of_a_diff_is_described(recorded: Client) -> None:
    recorded.log("pred-2", component="serve", value=0.1)
    found = recorded.diff("pred-1", "pred-2").to_dict()
    first, row = found["divergences"][0], found["rows"][-1]
    keys = {*found, *found["a"], *row, *row["changes"][0], *row["b"], *first}
    keys |= {field.name for kind in (diffs.FileDiff, diffs.ColumnDiff) for field in fields(kind)}

    assert keys - quoted(sections(JSON)["Diff"]) == set()


def test_every_key_of_a_review_is_described(recorded: Client) -> None:
    recorded.flag("pred-1", "wrong")

    document = recorded.review().to_dict()

    row = document["rows"][0]
    keys = {*document, *row, *row["members"][0]}
    assert keys - {"schema"} - quoted(sections(JSON)["Review"]) == set()


@pytest.mark.parametrize("name", DOCUMENT_KEYS)
def test_every_other_document_is_described(
    name: str, recorded: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded.flush()
    arguments = [*DOCUMENT_KEYS[name], "--json", "--db", recorded.settings.url]

    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(program, arguments)

    document = json.loads(done.stdout)
    [row] = [
        line
        for line in sections(JSON)["Other documents"].splitlines()
        if f"`{document['schema']}`" in line
    ]
    entries = [entry for value in document.values() if isinstance(value, list) for entry in value]
    keys = {*document, *(key for entry in entries if isinstance(entry, dict) for key in entry)}
    if "runs" in document and isinstance(document["runs"], list):
        keys -= keys_of(document["runs"]).keys()  # described as those of a frame
    assert f"`bt {name}`" in row
    assert keys - {"schema"} - quoted(row) == set()


# -- warnings, evidence, errors, exit codes --------------------------------------------------


def warning_codes() -> set[str]:
    """The codes that `query` gives out, from its text."""
    text = "".join(path.read_text() for path in (ROOT / "src/backtrail/query").glob("*.py"))
    return set(
        re.findall(r'(?:FrameWarning\(\s*|warnings\.append\()"([a-z.-]+)"', text, flags=re.DOTALL)
    )


def test_every_warning_is_described_with_its_sign() -> None:
    rows = dict(
        re.findall(
            r"^\| `([a-z.-]+)` \| `(.)` \|", sections(WARNINGS)["Warning codes"], flags=re.MULTILINE
        )
    )

    assert rows.keys() == warning_codes()
    assert rows == {code: mark_of_warning(code).sign for code in rows}


def test_every_kind_of_evidence_is_described_with_what_is_printed() -> None:
    rows = dict(
        re.findall(
            r"^\| `([a-z]+)` \| ([^|]+?) \|", sections(WARNINGS)["Evidence"], flags=re.MULTILINE
        )
    )

    assert rows == words.EVIDENCE


def test_every_error_class_is_described_with_its_base() -> None:
    rows = dict(
        re.findall(
            r"^\| `(\w+)` \| `(\w+)` \|", sections(WARNINGS)["Error classes"], flags=re.MULTILINE
        )
    )

    known = {
        name: kind.__bases__[0].__name__
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, errors.BacktrailError)
    }

    assert rows == known


def test_every_exit_code_is_described() -> None:
    said = re.findall(r"^\| (\d+) \|", sections(WARNINGS)["Exit codes"], flags=re.MULTILINE)

    known = {
        value
        for name, value in vars(failures).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, int)
    }

    assert {int(code) for code in said} == known | {0}


# -- files ------------------------------------------------------------------------------------


def tables() -> dict[str, list[str]]:
    """The tables of the newest schema, with their columns."""
    connection = sqlite3.connect(":memory:")
    for script in migrations("sqlite").values():
        connection.executescript(script)
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    found = {
        name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
        for (name,) in names
    }
    connection.close()
    return found


def indexes() -> list[str]:
    script = "".join(migrations("sqlite").values())
    return re.findall(r"CREATE (?:UNIQUE )?INDEX (\w+)", script)


@pytest.fixture(scope="module")
def postgres_columns(wheel_server: Server) -> Iterator[dict[str, set[str]]]:
    """The tables of the newest schema in PostgreSQL, with their columns."""
    database = wheel_server.create()
    with connect(wheel_server.url(database)) as client:
        client.upgrade()
    with wheel_server.connect(database) as connection:
        rows = connection.execute(
            "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE c.relnamespace = 'backtrail'::regnamespace AND c.relkind IN ('r', 'p')"
            " AND NOT c.relispartition AND a.attnum > 0"
        ).fetchall()
    found: dict[str, set[str]] = {}
    for table, column in rows:
        found.setdefault(str(table), set()).add(str(column))
    yield found
    wheel_server.drop(database)


def test_every_table_is_described_and_no_other(postgres_columns: dict[str, set[str]]) -> None:
    described = set(sections(SCHEMA)) - {"An example", "In PostgreSQL"}
    assert described == {*tables(), *postgres_columns}


def test_tables_have_the_same_columns_in_postgresql(postgres_columns: dict[str, set[str]]) -> None:
    for table, columns in postgres_columns.items():
        assert set(first_cells(sections(SCHEMA)[table])) == columns


@pytest.mark.parametrize(("table", "columns"), tables().items(), ids=list(tables()))
def test_the_columns_of_a_table_are_those_it_has(table: str, columns: list[str]) -> None:
    assert sorted(first_cells(sections(SCHEMA)[table])) == sorted(columns)


@pytest.mark.parametrize("index", indexes())
def test_every_index_is_named(index: str) -> None:
    assert f"`{index}`" in SCHEMA


def test_the_example_query_runs(recorded: Client) -> None:
    recorded.flush()
    [query] = [block.text for block in blocks_of(SCHEMA) if block.language == "sql"]

    connection = sqlite3.connect(recorded.settings.database)
    rows = connection.execute(query.replace("'train'", "'serve'")).fetchall()
    connection.close()

    assert len(rows) == 1


def test_the_journal_page_has_the_numbers_of_the_code() -> None:
    assert repr(segment.MAGIC.decode())[1:-1] in JOURNAL
    assert f"| to {segment.SEAL_AT} |" in JOURNAL
    assert f"from {segment.HEADER_BYTES} on" in JOURNAL
    assert f"{segment.SEALED} when another segment follows" in JOURNAL
    assert f"{segment.ENDED} when the writer has ended" in JOURNAL


# -- links ------------------------------------------------------------------------------------


def anchors(page: str) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    text = re.sub(r"^(`{3,}|~{3,}).*?^\1", "", page, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower().replace("`", "")).replace(" ", "-")
        for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^(`{3,}).*?^\1", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    missing = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        place, _, anchor = link.partition("#")
        if ":" in place:
            continue
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text("utf-8"))):
            missing.append(link)

    assert missing == []


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text("utf-8")
    pages = [
        page.relative_to(ROOT / "docs")
        for folder in ("tutorial", "how-to", "reference", "explanation")
        for page in sorted((ROOT / "docs" / folder).glob("*.md"))
    ]

    assert [str(page) for page in pages if f"]({page})" not in index] == []
