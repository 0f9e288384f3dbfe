"""Settings as a list of assignments, whatever they come from, and from there to a checked ``RunConfig``.

A file, a ``--set`` and a Python value all become assignments; later ones replace earlier ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from ppo_cli.config.algorithms import ALGORITHMS, objection, uses
from ppo_cli.config.names import Target, find, nearest
from ppo_cli.config.node import Node, located
from ppo_cli.config.out_of_scope import policy_hint
from ppo_cli.config.problems import Origin, Problem, refuse, value_text
from ppo_cli.config.schema import RunConfig
from ppo_cli.config.settings import BY_PATH, REQUIRED, SECTIONS, Setting

MAX_OVERRIDE_LENGTH = 10_000
_DEFAULT_ALGORITHM = BY_PATH["algorithm"].default


@dataclass(frozen=True)
class Assignment:
    """One setting and the value that it gets.

    Attributes:
        target: The setting, or one name inside its mapping.
        node: The value and its place.
        name_origin: Where the setting's name stands.
    """

    target: Target
    node: Node
    name_origin: Origin


def from_tree(root: Node) -> list[Assignment]:
    """The assignments of a parsed file.

    Args:
        root: The whole file. Settings stand in their sections, or at the top level.

    Raises:
        UsageError: The file holds no settings, unknown ones, or one twice.
    """
    if root.value is None:
        refuse(
            [Problem(root.origin, None, "the file is empty", "a config needs at least `env_id: CartPole-v1`")]
        )
    if not isinstance(root.value, dict):
        refuse([Problem(root.origin, None, "no settings found", "write them as `name: value`, one a line")])
    problems: list[Problem] = []
    by_path: dict[str, Assignment] = {}
    for assignment in _walk(root, "", problems):
        path = assignment.target.path
        if path in by_path:
            first = by_path[path].name_origin.line
            text = f"is given twice (first on line {first})"
            problems.append(Problem(assignment.name_origin, path, text, "keep one of the two"))
        by_path[path] = assignment
    if problems:
        refuse(problems)
    return list(by_path.values())


def _walk(parent: Node, section: str, problems: list[Problem]) -> Iterator[Assignment]:
    for name, node in parent.value.items():
        place = parent.names[name]
        if not section and name in SECTIONS and name:
            if isinstance(node.value, dict):
                yield from _walk(node, name, problems)
            elif node.value is not None:  # a section whose lines are all commented out is null
                text = (
                    f"{value_text(node.plain())} is not allowed; {name} is a section with settings below it"
                )
                problems.append(Problem(node.origin, name, text))
            continue
        target = find(f"{section}.{name}" if section else name)
        if target is None:
            path = f"{section}.{name}" if section else name
            problems.append(Problem(place, path, "unknown setting", nearest(path)))
        else:
            yield Assignment(target, node, place)


def from_override(text: str) -> Assignment:
    """The assignment of one ``--set NAME=VALUE``.

    Raises:
        UsageError: There is no ``=``, the name is unknown, or the value is not YAML.
    """
    from ppo_cli.config.yaml_file import parse_yaml  # PyYAML takes 17 ms that most commands can save

    origin = Origin("--set")
    name, equals, value = text.partition("=")
    name = name.strip()
    if len(text) > MAX_OVERRIDE_LENGTH:
        refuse([Problem(origin, None, f"longer than {MAX_OVERRIDE_LENGTH} characters")])
    if not equals or not name:
        refuse(
            [Problem(origin, None, f"{value_text(text)} is not of the form NAME=VALUE", "--set eps_clip=0.3")]
        )
    target = _require(name, origin)
    if not value.strip():
        refuse([Problem(origin, target.path, "has no value", f"expected {target.setting.expected}")])
    node = parse_yaml(value, origin, target.path)
    return Assignment(target, _as_list(target.setting, node), origin)


def _as_list(setting: Setting, node: Node) -> Node:
    """Let ``hidden_sizes=64,64`` and ``hidden_sizes=64`` mean lists, as nobody likes to quote brackets."""
    from ppo_cli.config.yaml_file import plain_scalar

    if not isinstance(setting.default, tuple) or isinstance(node.value, list | dict):
        return node
    parts = node.value.split(",") if isinstance(node.value, str) else [node.value]
    values = [plain_scalar(part.strip()) if isinstance(part, str) else part for part in parts]
    return located(values, node.origin)


def from_value(name: str, value: Any, origin: Origin | None = None) -> Assignment:
    """The assignment of a Python value.

    Args:
        name: Leaf name or path.
        value: The value, already typed.
        origin: Where it comes from; by default the option of that name, ``--seed``.

    Raises:
        UsageError: The name is unknown.
    """
    place = origin or Origin("--" + name.replace("_", "-"))
    return Assignment(_require(name, place), located(value, place), place)


def _require(name: str, origin: Origin) -> Target:
    target = find(name)
    if target is None:
        refuse([Problem(origin, name, "unknown setting", nearest(name))])
    return target


def build(base: Mapping[str, Any], assignments: Sequence[Assignment]) -> RunConfig:
    """Put assignments on top of settings and check the whole.

    Args:
        base: Settings by section, as ``RunConfig.model_dump()`` gives them; empty for the defaults.
        assignments: In order; later ones replace earlier ones.

    Raises:
        UsageError: With every value that is not allowed.
    """
    data: dict[str, Any] = {
        name: dict(item) if isinstance(item, Mapping) else item for name, item in base.items()
    }
    last: dict[str, Assignment] = {}
    for assignment in assignments:
        _put(data, assignment)
        last.pop(assignment.target.path, None)  # so that the order is that of the last assignments
        last[assignment.target.path] = assignment
    unused = list(_unused(data.get("algorithm", _DEFAULT_ALGORITHM), last.values()))
    try:
        config = RunConfig.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    else:
        if unused:
            refuse(unused)
        return config
    problems: dict[tuple[str | None, Origin], Problem] = {}
    for detail in details:  # of complaints about one value, one for each type that it might have, the first
        problem = _problem(detail, last)
        problems.setdefault((problem.key, problem.origin), problem)
    named = {problem.key for problem in unused}
    refuse([*unused, *(problem for problem in problems.values() if problem.key not in named)])


def _unused(algorithm: Any, assignments: Iterable[Assignment]) -> Iterator[Problem]:
    """The settings that were mentioned and that the algorithm does not use, whatever their values."""
    known = isinstance(algorithm, str) and algorithm in ALGORITHMS
    for assignment in assignments if known else ():
        setting = assignment.target.setting
        if not uses(algorithm, setting.name):
            yield Problem(assignment.name_origin, setting.path, *objection(algorithm, setting.name))


def _put(data: dict[str, Any], assignment: Assignment) -> None:
    setting, key = assignment.target.setting, assignment.target.key
    section = data.setdefault(setting.section, {}) if setting.section else data
    value = assignment.node.plain()
    before = section.get(setting.name) or {}
    if key is None:
        section[setting.name] = value
    elif isinstance(before, Mapping):  # what is none is refused when all is checked
        section[setting.name] = {**before, key: value}


def _problem(detail: Any, last: Mapping[str, Assignment]) -> Problem:
    """Translate an error of Pydantic about a value into our words, with its place."""
    if detail["type"] == "settings_disagree":
        context = detail["ctx"]
        place = _blame(context["key"], context["others"], last)
        return Problem(place, context["key"], context["problem"], context["hint"])
    steps = [str(step) if isinstance(step, str) else step for step in detail["loc"]]
    size = 2 if steps[0] in SECTIONS else 1
    path, rest = ".".join(map(str, steps[:size])), steps[size:]
    setting = BY_PATH[path]
    whole = last.get(f"{path}.{rest[0]}") if rest else None
    if whole is not None:  # one name inside a mapping, set by itself
        return _wrong_value(setting, whole.target.path, whole.node, rest)
    if path not in last:
        return Problem(Origin("settings"), path, f"missing or not allowed; expected {setting.expected}")
    node = last[path].node.at(rest)
    if "[key]" in rest:
        text = f"{value_text(rest[0])} is not a name (letters, digits and _)"
        return Problem(last[path].node.names.get(str(rest[0]), node.origin), path, text)
    return _wrong_value(setting, path, node, rest if node is not last[path].node else [])


def _wrong_value(setting: Setting, path: str, node: Node, inside: Sequence[str | int]) -> Problem:
    """A value that is not allowed; ``inside`` leads to it when it is one of several in a mapping or list."""
    if "[key]" in inside:
        return Problem(node.origin, path, f"{value_text(inside[0])} is not a name (letters, digits and _)")
    value = node.plain()
    expected = setting.allowed.partition(" to ")[2] if setting.is_mapping and inside else setting.expected
    hint = None if inside else _value_hint(setting, value)
    return Problem(node.origin, path, f"{value_text(value)} is not allowed; expected {expected}", hint)


def _blame(key: str, others: Sequence[str], last: Mapping[str, Assignment]) -> Origin:
    """Choose the place to point at when settings disagree: ``key``, unless another was given later."""
    parties = (key, *others)
    given = [last[path].node.origin for path in last if path in parties]
    if key in last and given and last[key].node.origin.label == given[-1].label:
        return last[key].node.origin
    return given[-1] if given else Origin("settings")


def _value_hint(setting: Setting, value: Any) -> str | None:
    """Suggest what the user probably meant to write."""
    if isinstance(value, str):
        return _text_hint(setting, value)
    if value is None and "null" not in setting.expected:
        return "remove the line to get the default" if setting.default != REQUIRED else None
    if isinstance(setting.default, tuple) and not isinstance(value, list | dict):
        return f"write a list, [{value_text(value)}]" if isinstance(value, int) else None
    return None


def _text_hint(setting: Setting, value: str) -> str | None:
    if isinstance(setting.default, bool):
        words = {"true": "true", "on": "true", "yes": "true", "y": "true"}
        words |= {"false": "false", "off": "false", "no": "false", "n": "false"}
        word = words.get(value.strip().lower())
        return f"write {word}, without quotes" if word else "write true or false"
    if setting.path == "network.policy" and (hint := policy_hint(value)):
        return hint
    if setting.type_text == "one of":
        choices = setting.allowed.split(", ")
        close = [name for name in choices if value and name.startswith(value.lower())]
        close = close or get_close_matches(value.lower(), choices, n=1, cutoff=0.4)
        return f"did you mean {close[0]}?" if close else None
    if value.strip().lower() in ("none", "off", "no") and "null" in setting.expected:
        return "write null to switch it off"
    if "number" in setting.type_text:
        return "write a plain decimal number without quotes, such as 10, 0.5 or 1e-4"
    return None
