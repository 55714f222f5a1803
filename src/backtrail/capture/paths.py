"""Where the `*_path` parameters of `register` point: compiled once a function, read each call."""

from __future__ import annotations

import inspect
import os
import re
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import ConfigurationError
from ..model.names import path_name

#: The call has no such argument, or has not returned yet.
MISSING: Any = object()

Arguments = tuple[Any, ...]
Keywords = Mapping[str, Any]
Extract = Callable[[Arguments, Keywords], Any]

_EMPTY = inspect.Parameter.empty
_RETURN = "return"
_MOST_KNOWN = 1000
_ROOT = re.compile(r"[^.\[]*")
_DOUBLE_THEM = "Write {{ and }} for braces that belong to the name."


def compile_argument(signature: inspect.Signature, name: str) -> Extract:
    """Make a function that takes one argument out of a call, or its default.

    It gives `MISSING` where a call lacks the argument. `Signature.bind` would do
    the same for a hundred times the price.
    """
    parameter = signature.parameters[name]
    default = MISSING if parameter.default is _EMPTY else parameter.default
    place = list(signature.parameters).index(name)
    if parameter.kind is parameter.VAR_POSITIONAL:
        return lambda args, kwargs: args[place:]
    if parameter.kind is parameter.VAR_KEYWORD:
        named = keyword_names(signature)
        return lambda args, kwargs: {key: kwargs[key] for key in kwargs if key not in named}
    if parameter.kind is parameter.KEYWORD_ONLY:
        return lambda args, kwargs: kwargs.get(name, default)
    if parameter.kind is parameter.POSITIONAL_ONLY:
        return lambda args, kwargs: args[place] if place < len(args) else default
    return lambda args, kwargs: args[place] if place < len(args) else kwargs.get(name, default)


def keyword_names(signature: inspect.Signature) -> frozenset[str]:
    """Give the parameters that a keyword argument can fill, `**kwargs` aside."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return frozenset(p.name for p in signature.parameters.values() if p.kind in kinds)


class PathResolver:
    """Gives the artifact names that one `*_path` parameter stands for in one call.

    ``needs_result`` tells that the names depend on what the call returned.
    """

    needs_result = False

    def resolve(self, args: Arguments, kwargs: Keywords, result: Any = MISSING) -> Sequence[str]:
        """Give the names for this call.

        Raises:
            ValueError: an argument that should be a path is none.
        """
        raise NotImplementedError


def compile_paths(
    spec: object, signature: inspect.Signature | None, role: str
) -> PathResolver | None:
    """Compile what was given as ``role`` (``input_path``, ``output_path``, ``model_path``).

    ``signature`` is None for a block of code, which has no arguments.

    Raises:
        ConfigurationError: it can work in no call: a template whose field is no
            parameter, ``{return}`` before there is a result, a wrong type.
    """
    if spec is None:
        return None
    if isinstance(spec, (list, tuple, set, frozenset)):
        return _compile_many(spec, signature, role)
    if isinstance(spec, str) and signature is not None and spec in signature.parameters:
        return _Argument(compile_argument(signature, spec))
    if isinstance(spec, (str, bytes, os.PathLike)):
        return _compile_text(_text_of(spec), signature, role)
    if callable(spec):
        return _Computed(_compile_call(spec, signature, role))
    raise ConfigurationError(
        f"{role} cannot be of type {type(spec).__name__}",
        hint="Give a path, a list of paths, the name of a parameter, a template with "
        "{parameter} fields, or a function of the call's arguments.",
    )


# -- one class for each form, so that a call takes no branch on the form ----------


class _Fixed(PathResolver):
    """Names that depend on nothing."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names

    def resolve(self, args: Arguments, kwargs: Keywords, result: Any = MISSING) -> Sequence[str]:
        return self.names


class _Relative(PathResolver):
    """Constant paths that depend on the working directory at the time of the call."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        self.paths = paths
        # One attribute, so that threads see a folder together with its names.
        self._known: tuple[str, tuple[str, ...]] = ("", ())

    def resolve(self, args: Arguments, kwargs: Keywords, result: Any = MISSING) -> Sequence[str]:
        try:
            cwd = os.getcwd()
        except OSError:  # the folder was removed; `path_name` knows what to do
            return tuple(dict.fromkeys(map(path_name, self.paths)))
        known = self._known
        if known[0] != cwd:
            names = tuple(dict.fromkeys(path_name(path, cwd) for path in self.paths))
            self._known = known = (cwd, names)
        return known[1]


class _Argument(PathResolver):
    """The value of one argument."""

    def __init__(self, extract: Extract) -> None:
        self._extract = extract
        # Absolute paths, which mean the same in every call.
        self._known: dict[str, tuple[str]] = {}

    def resolve(self, args: Arguments, kwargs: Keywords, result: Any = MISSING) -> Sequence[str]:
        value = self._extract(args, kwargs)
        if type(value) is not str or not value:
            return _names_in(value)
        names = self._known.get(value)
        if names is None:
            names = (path_name(value),)
            if value[0] == "/":
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known[value] = names
        return names


class _Template(PathResolver):
    """A text with fields that are filled from the arguments."""

    def __init__(self, text: str, fields: dict[str, Extract]) -> None:
        self._text = text
        self._fields = list(fields.items())

    def resolve(self, args: Arguments, kwargs: Keywords, result: Any = MISSING) -> Sequence[str]:
        values = {}
        for name, extract in self._fields:
            value = values[name] = extract(args, kwargs)
            if value is MISSING:
                return ()
        return (path_name(self._text.format_map(values)),)


class _ResultTemplate(_Template):
    """A template that names the result; without a result there is no such path."""

    needs_result = True

    def resolve(self, args: Arguments, kwargs: Keywords, result: Any = MISSING) -> Sequence[str]:
        if result is MISSING:
            return ()
        values = {name: extract(args, kwargs) for name, extract in self._fields}
        values[_RETURN] = result
        return (path_name(self._text.format_map(values)),)


class _Result(PathResolver):
    """The result itself: ``{return}`` and nothing beside it, so a list of paths will do."""

    needs_result = True

    def resolve(self, args: Arguments, kwargs: Keywords, result: Any = MISSING) -> Sequence[str]:
        return _names_in(result)


class _Computed(PathResolver):
    """What a function of the call's arguments returns."""

    def __init__(self, call: Extract) -> None:
        self._call = call

    def resolve(self, args: Arguments, kwargs: Keywords, result: Any = MISSING) -> Sequence[str]:
        value = self._call(args, kwargs)
        if type(value) is str and value:
            return (path_name(value),)
        # An iterator is ours to consume here (`Path.glob`), as no argument's is.
        return _names_in(list(value) if isinstance(value, Iterator) else value)


class _Many(PathResolver):
    """Several of the other forms."""

    def __init__(self, parts: Sequence[PathResolver]) -> None:
        self._parts = parts
        self.needs_result = any(part.needs_result for part in parts)

    def resolve(self, args: Arguments, kwargs: Keywords, result: Any = MISSING) -> Sequence[str]:
        names: dict[str, None] = {}
        for part in self._parts:
            names.update(dict.fromkeys(part.resolve(args, kwargs, result)))
        return tuple(names)


# -- compiling --------------------------------------------------------------------


def _compile_many(
    specs: Sequence[object] | set[object] | frozenset[object],
    signature: inspect.Signature | None,
    role: str,
) -> PathResolver | None:
    ordered = specs if isinstance(specs, (list, tuple)) else sorted(specs, key=str)
    compiled = (compile_paths(spec, signature, role) for spec in ordered)
    parts = [part for part in compiled if part is not None]
    if len(parts) <= 1:
        return parts[0] if parts else None
    # Constants are taken together: a list of files costs what one file costs.
    fixed = [path for part in parts if isinstance(part, _Fixed) for path in part.names]
    relative = [path for part in parts if isinstance(part, _Relative) for path in part.paths]
    others = [part for part in parts if not isinstance(part, (_Fixed, _Relative))]
    if relative:
        others.insert(0, _Relative((*fixed, *relative)))
    elif fixed:
        others.insert(0, _Fixed(tuple(dict.fromkeys(fixed))))
    return others[0] if len(others) == 1 else _Many(others)


def _compile_text(text: str, signature: inspect.Signature | None, role: str) -> PathResolver:
    if not text:
        raise ConfigurationError(f"{role} is an empty path", hint="Leave it out, or give None.")
    if "{" not in text:
        return _constant(text)
    roots = _fields_of(text, role)
    if not roots:
        return _constant(text.format())
    takes_result = _RETURN in roots and role == "output_path" and signature is not None
    fields = {
        root: _field(root, text, signature, role)
        for root in roots
        if not (takes_result and root == _RETURN)
    }
    if not takes_result:
        return _Template(text, fields)
    return _Result() if text == "{return}" else _ResultTemplate(text, fields)


def _constant(path: str) -> PathResolver:
    # Only a path that reads differently from different folders depends on one.
    here, there = path_name(path, "/a/b/c"), path_name(path, "/d/e/f")
    return _Fixed((here,)) if here == there else _Relative((path,))


def _fields_of(text: str, role: str) -> list[str]:
    """List the names that the fields of a template begin with, those in format specs too."""
    roots = []
    try:
        for _, field, spec, conversion in string.Formatter().parse(text):
            if field is None:
                continue
            if conversion not in (None, "r", "s", "a"):
                raise ValueError(f"unknown conversion !{conversion}")
            match = _ROOT.match(field)
            roots.append(match.group() if match else field)
            roots += _fields_of(spec or "", role)
    except ValueError as error:
        raise ConfigurationError(
            f"{role}={text!r} is no template: {error}", hint=_DOUBLE_THEM
        ) from None
    return roots


def _field(root: str, text: str, signature: inspect.Signature | None, role: str) -> Extract:
    """Compile one field of a template, or say why there can be no such field."""
    if root == _RETURN and role != "output_path":
        raise ConfigurationError(
            f"{role}={text!r} names the result, which only output_path can",
            hint="Use a parameter, or log the path from inside with bt.log_input().",
        )
    if signature is None:
        raise ConfigurationError(
            f"{role}={text!r} has the field {{{root}}}, but there are no parameters to fill it: "
            "it is for a block of code, or for a function that does not tell its own",
            hint=_DOUBLE_THEM,
        )
    if root in signature.parameters:
        return compile_argument(signature, root)
    there_are = ", ".join(signature.parameters) or "none"
    raise ConfigurationError(
        f"{role}={text!r} has the field {{{root}}}, which is no parameter; "
        f"the parameters are: {there_are}",
        hint=_keyword_hint(signature, root) or _DOUBLE_THEM,
    )


def _keyword_hint(signature: inspect.Signature, root: str) -> str:
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            return f"A keyword of **{parameter.name} is written {{{parameter.name}[{root}]}}."
    return ""


def _compile_call(
    func: Callable[..., Any], signature: inspect.Signature | None, role: str
) -> Extract:
    """Compile the call of a function that computes paths.

    It gets those arguments that its parameters name. Where it requires others,
    it gets all arguments as the call has them.
    """
    if inspect.iscoroutinefunction(func):
        raise ConfigurationError(f"{role} cannot be an async function", hint="Use a plain one.")
    try:
        own = inspect.signature(func)
    except (TypeError, ValueError):  # some functions written in C tell no parameters
        own = None
    if signature is None:
        return _compile_bare_call(func, own, role)
    if own is None:
        return lambda args, kwargs: func(*args, **kwargs)
    return _compile_named_call(func, own, signature)


def _compile_bare_call(
    func: Callable[..., Any], own: inspect.Signature | None, role: str
) -> Extract:
    if own is not None:
        try:
            own.bind()
        except TypeError as error:
            raise ConfigurationError(
                f"{role} is a function that a block of code cannot call: {error}",
                hint="A block has no arguments; give a function that needs none.",
            ) from None
    return lambda args, kwargs: func()


def _compile_named_call(
    func: Callable[..., Any], own: inspect.Signature, signature: inspect.Signature
) -> Extract:
    positional: list[Extract] = []
    named: list[tuple[str, Extract]] = []
    catches_all = False
    for parameter in own.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            catches_all = True
        elif parameter.name in signature.parameters:
            extract = compile_argument(signature, parameter.name)
            if parameter.kind is parameter.POSITIONAL_ONLY:
                positional.append(extract)
            else:
                named.append((parameter.name, extract))
        elif parameter.default is _EMPTY:
            return lambda args, kwargs: func(*args, **kwargs)
        elif parameter.kind is parameter.POSITIONAL_ONLY:
            positional.append(_always(parameter.default))
    if catches_all and not positional and not named:
        return lambda args, kwargs: func(*args, **kwargs)

    def call(args: Arguments, kwargs: Keywords) -> Any:
        first = []
        for extract in positional:
            value = extract(args, kwargs)
            if value is MISSING:
                return None
            first.append(value)
        others = {}
        for name, extract in named:
            value = others[name] = extract(args, kwargs)
            if value is MISSING:
                return None
        return func(*first, **others)

    return call


def _always(value: object) -> Extract:
    return lambda args, kwargs: value


# -- values ------------------------------------------------------------------------


def _names_in(value: object) -> tuple[str, ...]:
    """Give the names of a path or of a collection of them; nothing and "" name none."""
    if value is None or value is MISSING:
        return ()
    if isinstance(value, (str, bytes, os.PathLike)):
        text = _text_of(value)
        return (path_name(text),) if text else ()
    if isinstance(value, (list, tuple, set, frozenset)):
        texts = [_text_of(each) for each in value if each is not None]
        if isinstance(value, (set, frozenset)):
            texts.sort()
        return tuple(dict.fromkeys(path_name(text) for text in texts if text))
    raise ValueError(f"expected a path or a list of paths, got {type(value).__name__}")


def _text_of(path: object) -> str:
    if isinstance(path, (str, bytes)):
        return os.fsdecode(path)
    if isinstance(path, os.PathLike):
        # The file system path of a cloud path is a copy that it downloads when
        # asked; its text is the address.
        text = str(path)
        return text if "://" in text else os.fsdecode(path)
    raise ValueError(f"expected a path, got {type(path).__name__}")
