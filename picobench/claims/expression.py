# SPDX-License-Identifier: BSD-3-Clause
"""The language in which a claim says how it is recomputed: arithmetic over lookups in tables, no free code.

    (1 / (1 + bd_rate("perceptual_bd_rate", anchor="av1", codec="pico") / 100))
    largest(rows("scores", codec="pico@project-page"), "bpp") < 0.5

It has the syntax of Python expressions and of those only: numbers, texts, lists of texts, `+ - * /`,
comparisons, `and`, `or`, `not`, and calls of the functions in `FUNCTIONS`. The text is parsed, never run:
`evaluate` walks the tree and knows nothing but these nodes.
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from picobench.claims.evidence import Evidence
from picobench.claims.functions import FUNCTIONS, Function, Rows
from picobench.claims.quantity import (
    Missing,
    NotStated,
    Quantity,
    Result,
    Truth,
    combine,
    divide,
    exact,
    less,
)
from picobench.errors import DefinitionError
from picobench.yamlfile import did_you_mean

MAXIMUM_CHARACTERS = 2000
MAXIMUM_NODES = 300
MAXIMUM_DEPTH = 20
MAXIMUM_NUMBER = 1e12
MAXIMUM_TEXT = 200

_ARITHMETIC: Mapping[type[ast.operator], Callable[[Quantity, Quantity], Quantity]] = {
    ast.Add: lambda a, b: combine(operator.add, a, b),
    ast.Sub: lambda a, b: combine(operator.sub, a, b),
    ast.Mult: lambda a, b: combine(operator.mul, a, b),
    ast.Div: divide,
}
_ORDER: Mapping[type[ast.cmpop], Callable[[Quantity, Quantity], Truth]] = {
    ast.Lt: lambda a, b: less(a, b, or_equal=False),
    ast.LtE: lambda a, b: less(a, b, or_equal=True),
    ast.Gt: lambda a, b: less(b, a, or_equal=False),
    ast.GtE: lambda a, b: less(b, a, or_equal=True),
}


@dataclass(frozen=True)
class Expression:
    """An expression that was found to hold nothing but what the language has.

    Attributes:
        text: As it was written, in one line.
        claims: Ids of the claims whose values it uses.
        tables: Tables that it reads.
    """

    text: str
    node: ast.expr
    claims: frozenset[str]
    tables: frozenset[str]


def parse(text: str, source: str) -> Expression:
    """Parse an expression and refuse whatever is not of the language.

    Args:
        text: The expression.
        source: What to name in errors.

    Raises:
        DefinitionError: It is too long, too deep, or holds anything else than the language has.
    """
    line = " ".join(text.split())
    if len(line) > MAXIMUM_CHARACTERS:
        raise DefinitionError(f"{source}: longer than {MAXIMUM_CHARACTERS} characters; shorten it")
    try:
        node = ast.parse(line, mode="eval").body
        count = sum(1 for _ in ast.walk(node))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = getattr(error, "msg", None) or type(error).__name__
        raise DefinitionError(f"{source}: not an expression ({reason}); correct it") from None
    if count > MAXIMUM_NODES:
        raise DefinitionError(f"{source}: more than {MAXIMUM_NODES} parts; shorten it")
    _check(node, source, MAXIMUM_DEPTH)
    return Expression(line, node, _named(node, "claim"), _named(node, "rows") | _named(node, "bd_rate"))


def _named(node: ast.expr, function: str) -> frozenset[str]:
    found = (
        inner.args[0]
        for inner in ast.walk(node)
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id == function
    )
    return frozenset(str(argument.value) for argument in found if isinstance(argument, ast.Constant))


def _check(node: ast.expr, source: str, depth: int) -> None:
    if depth == 0:
        raise DefinitionError(f"{source}: nested deeper than {MAXIMUM_DEPTH} levels; simplify it")
    for part in _checked_parts(node, source):
        _check(part, source, depth - 1)


def _checked_parts(node: ast.expr, source: str) -> list[ast.expr]:  # noqa: PLR0911  one for each kind of node
    """Check one node by itself; returns the expressions in it."""
    match node:
        case ast.Constant(value=value):
            _check_constant(value, source)
            return []
        case ast.List(elts=parts) if all(isinstance(part, ast.Constant) for part in parts):
            return parts
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            return [left, right]
        case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
            return [operand]
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in (
            *_ORDER,
            ast.Eq,
            ast.NotEq,
        ):
            return [left, right]
        case ast.BoolOp(values=parts):
            return parts
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords):
            _check_call(name, arguments, keywords, source)
            return [*arguments, *(keyword.value for keyword in keywords)]
    raise _refusal(node, source)


def _refusal(node: ast.expr, source: str) -> DefinitionError:
    kind = type(getattr(node, "op", node)).__name__
    return DefinitionError(
        f"{source}: {kind} is not allowed in an expression; it takes numbers, texts, + - * /, "
        f"comparisons, and, or, not, and {', '.join(sorted(FUNCTIONS))}"
    )


def _check_constant(value: object, source: str) -> None:
    if isinstance(value, str):
        if len(value) > MAXIMUM_TEXT:
            raise DefinitionError(f"{source}: a text longer than {MAXIMUM_TEXT} characters; shorten it")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) <= MAXIMUM_NUMBER:
            raise DefinitionError(f"{source}: a number beyond {MAXIMUM_NUMBER:g}; correct it")
    else:
        raise DefinitionError(f"{source}: {value!r} is neither a number nor a text; correct it")


def _check_call(name: str, arguments: list[ast.expr], keywords: list[ast.keyword], source: str) -> None:
    function = FUNCTIONS.get(name)
    if function is None:
        raise DefinitionError(f"{source}: unknown function {name!r}{did_you_mean(name, sorted(FUNCTIONS))}")
    least, most = function.arguments
    if not least <= len(arguments) <= most:
        raise DefinitionError(f"{source}: {function.usage}, not {len(arguments)} arguments; correct it")
    given = [keyword.arg or "" for keyword in keywords]
    if "" in given or len(set(given)) < len(given):
        raise DefinitionError(f"{source}: {name}: ** and repeated names are not allowed; correct it")
    for key, keyword in zip(given, keywords, strict=True):
        if key.startswith("_") or (function.keywords is not None and key not in function.keywords):
            raise DefinitionError(f"{source}: {function.usage}, not {key!r}; correct it")
        if not isinstance(keyword.value, ast.Constant | ast.List):
            raise DefinitionError(f"{source}: {name}: {key} takes a number, a text or a list; correct it")
    for position in function.literal:
        if not isinstance(arguments[position], ast.Constant):
            raise DefinitionError(f"{source}: {function.usage}, with the name as a text; correct it")


@dataclass(frozen=True)
class Context:
    """What an expression is evaluated against.

    Attributes:
        evidence: The tables of a run.
        claimed: Values of claims by id.
    """

    evidence: Evidence
    claimed: Mapping[str, Result]


def evaluate(expression: Expression, context: Context) -> Result:
    """Compute an expression.

    Raises:
        Missing: The tables do not carry the number; says why.
        DefinitionError: Something of the wrong kind is combined, such as a text and a number.
    """
    result: Result | Rows | list[Any] = _evaluate(expression.node, context)
    if isinstance(result, Rows | list):
        raise DefinitionError(f"{expression.text!r} gives rows, not a value; use a function such as mean")
    return result


def _evaluate(node: ast.expr, context: Context) -> Any:  # noqa: PLR0911  a return for each kind of node
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.Constant(value=int() | float() as number):
            return exact(float(number))
        case ast.List(elts=parts):
            return [_literal(part) for part in parts]
        case ast.BinOp(left=left, op=op, right=right):
            return _ARITHMETIC[type(op)](_quantity(left, context), _quantity(right, context))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return combine(operator.sub, exact(0.0), _quantity(operand, context))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            truth = _truth(operand, context).value
            return Truth(None if truth is None else not truth)
        case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq() as op], comparators=[right]):
            return _equal(left, right, context, negated=isinstance(op, ast.NotEq))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _ORDER[type(op)](_quantity(left, context), _quantity(right, context))
        case ast.BoolOp(op=op, values=values):
            return _connect([_truth(value, context).value for value in values], isinstance(op, ast.And))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords):
            return _call(FUNCTIONS[name], arguments, keywords, context)
    raise AssertionError(f"{ast.dump(node)} passed the check")


def _call(
    function: Function, arguments: list[ast.expr], keywords: list[ast.keyword], context: Context
) -> Any:
    positional = [_evaluate(argument, context) for argument in arguments]
    named = {str(keyword.arg): _literal(keyword.value) for keyword in keywords}
    if function.name == "claim":
        return context.claimed[positional[0]]
    return function.apply(context.evidence, positional, named)


def _literal(node: ast.expr) -> Any:
    match node:
        case ast.List(elts=parts):
            return [_literal(part) for part in parts]
        case ast.Constant(value=value):
            return value
    raise AssertionError(f"{ast.dump(node)} passed the check")


def _quantity(node: ast.expr, context: Context) -> Quantity:
    value = _evaluate(node, context)
    if isinstance(value, Quantity):
        return value
    if isinstance(value, NotStated):
        raise Missing(f"the value is {value}")
    raise DefinitionError(f"{ast.unparse(node)!r} is not a number, so it cannot be computed with; correct it")


def _truth(node: ast.expr, context: Context) -> Truth:
    value = _evaluate(node, context)
    if isinstance(value, Truth):
        return value
    raise DefinitionError(f"{ast.unparse(node)!r} is neither true nor false; compare it with something")


def _equal(left: ast.expr, right: ast.expr, context: Context, *, negated: bool) -> Truth:
    a, b = _evaluate(left, context), _evaluate(right, context)
    same: bool | None
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        if a.interval is None or b.interval is None:
            same = None
        elif a.interval[0] == a.interval[1] and b.interval[0] == b.interval[1]:
            same = math.isclose(a.interval[0], b.interval[0], rel_tol=1e-9, abs_tol=1e-12)
        else:
            apart = a.interval[1] < b.interval[0] or b.interval[1] < a.interval[0]
            same = False if apart else None
    elif type(a) is type(b) and isinstance(a, str | frozenset | Truth):
        same = a == b
    else:
        raise DefinitionError(f"{ast.unparse(left)!r} and {ast.unparse(right)!r} are of different kinds")
    return Truth(None if same is None else same != negated)


def _connect(values: list[bool | None], is_and: bool) -> Truth:
    """Kleene's logic: what cannot be told stays so unless another part decides."""
    if (not is_and) in values:
        return Truth(not is_and)
    return Truth(None if None in values else is_and)
