"""Read a TOML file strictly into a frozen pydantic model; every error is one line that names the file.

In:  a path and a model.
Out: the model, or a ValueError (of the caller's class) that says what, where and what was expected.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


def read_toml(path: Path, model: type[Model], error: type[ValueError] = ValueError) -> Model:
    """Load `path` into `model`; raises `error` on anything that is wrong with the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as problem:
        raise error(f"{path}: cannot be read ({problem.strerror}). Give the path of a readable TOML file.") from None
    except UnicodeDecodeError:
        raise error(f"{path}: is not UTF-8 text, expected a TOML file. Save it as UTF-8.") from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        last = f"at line {text.count(chr(10)) + 1}, the end of the file"
        reason = str(problem).replace("at end of document", last)
        raise error(f"{path}: malformed TOML: {reason}. Expected `key = value` lines and [tables].") from None
    return check_model(data, model, str(path), error)


def check_model(data: Any, model: type[Model], where: str, error: type[ValueError] = ValueError) -> Model:
    """Validate `data`; the first problem becomes one line that begins with `where`."""
    try:
        return model.model_validate(data)
    except ValidationError as problem:
        # A misspelt key is also a missing one: naming what is there helps more.
        details = sorted(problem.errors(), key=lambda detail: detail["type"] != "extra_forbidden")
        raise error(f"{where}: {_explain(details[0], model)}") from None


def nearest(word: str, known: Iterable[str]) -> str:
    """What may have been meant, and always all that is known; continues a sentence."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    every = f"xpected one of: {', '.join(names)}."
    return f"did you mean '{close[0]}'? E{every}" if close else f"e{every}"


def _explain(detail: Any, model: type[BaseModel]) -> str:
    """One pydantic error as one sentence."""
    location = detail["loc"]
    key = ".".join(str(part) for part in location) or "the file"
    if detail["type"] == "extra_forbidden":
        parent = _model_at(model, location[:-1])
        known = parent.model_fields if parent else ()
        return f"unknown key '{key}'; {nearest(str(location[-1]), known)}"
    if detail["type"] == "missing":
        return f"key '{key}' is missing. Add it."
    message = detail["msg"].removeprefix("Value error, ").rstrip(".")
    shown = "" if detail["type"] == "value_error" else f", got {detail['input']!r}"
    return f"'{key}': {message}{shown}." if location else f"{message}."


def _model_at(model: type[BaseModel], location: tuple[Any, ...]) -> type[BaseModel] | None:
    """The model that the keys of `location` lead to, through lists and dicts."""
    current: type[BaseModel] | None = model
    for part in location:
        if current is None:
            return None
        if isinstance(part, str) and part in current.model_fields:
            current = _model_in(current.model_fields[part].annotation)
    return current


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The first pydantic model named inside a type annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner))), None)
