"""Rules out conditions that the schema shows to be impossible, and partitions without the wanted ids."""

from pipelines.queries.conditions import (
    All,
    Annotations,
    Condition,
    Constant,
    Domain,
    Holds,
    OneOf,
    Present,
    Some,
    Test,
    Value,
)
from pipelines.queries.names import Names
from pipelines.queries.syntax import FLIPPED, Comparator
from transforms.rules.export_rows import Group
from transforms.rules.schema_json import FieldJson


def possible(condition: Condition, group: Group, names: Names) -> bool:  # noqa: PLR0911 - a case for each condition
    """Whether a row can meet a condition, according to the ranges and categories in the schema.

    Args:
        condition: On the rows of the group, their items, scenes or annotations.
        group: The group whose rows are listed.
        names: Of the version.
    """
    match condition:
        case All(conditions=inner):
            return all(possible(each, group, names) for each in inner)
        case Some(conditions=inner):
            return any(possible(each, group, names) for each in inner)
        case Test(left=Value() as value, right=Constant(value=constant), comparator=comparator, domain=domain):
            return _can(value, comparator, constant, domain, group, names)
        case Test(left=Constant(value=constant), right=Value() as value, comparator=comparator, domain=domain):
            return _can(value, FLIPPED[comparator], constant, domain, group, names)
        case OneOf(operand=Value() as value, constants=constants, domain=domain):
            return any(_can(value, "=", each, domain, group, names) for each in constants)
        case Present(value=value, missing=False):
            return value.column.form != "metadata" or _field(value, group, names)["present"] > 0
        case Holds(value=value, text=text):
            return _can_contain(value, text, group, names)
        case _:  # of a negation the schema says nothing: that none is in it does not say that all are
            return True


def possible_reference_ids(condition: Condition) -> frozenset[str] | None:  # noqa: PLR0911 - likewise
    """The only reference ids that matching rows can have; None if any is possible."""
    match condition:
        case All(conditions=inner):
            known = [found for each in inner if (found := possible_reference_ids(each)) is not None]
            return frozenset.intersection(*known) if known else None
        case Some(conditions=inner):
            all_known: frozenset[str] = frozenset()
            for each in inner:
                found = possible_reference_ids(each)
                if found is None:
                    return None
                all_known |= found
            return all_known
        case Test(left=Value() as value, comparator="=", right=Constant(value=str() as text)):
            return _reference_ids(value, text)
        case Test(left=Constant(value=str() as text), comparator="=", right=Value() as value):
            return _reference_ids(value, text)
        case OneOf(operand=Value() as value, constants=constants):
            known_ids = [_reference_ids(value, each) if isinstance(each, str) else None for each in constants]
            return frozenset().union(*(each for each in known_ids if each)) if all(known_ids) else None
        case _:  # a negation is met by all other ids
            return None


def _reference_ids(value: Value, text: str) -> frozenset[str] | None:
    # Annotations have the reference id of their item; a scene has its own.
    same = value.place != "scene" and value.column.form == "core" and value.column.name == "reference_id"
    return frozenset({text}) if same else None


def _can(
    value: Value, comparator: Comparator, constant: float | str, domain: Domain, group: Group, names: Names
) -> bool:
    if comparator == "!=" or value.column.form != "metadata":
        return True
    field = _field(value, group, names)
    categories, minimum, maximum = field["categories"], field["minimum"], field["maximum"]
    if not field["present"]:
        return False
    if isinstance(constant, str):
        return comparator != "=" or categories is None or any(each["value"] == constant for each in categories)
    return minimum is not None and maximum is not None and _in_range(minimum, maximum, comparator, constant, domain)


def _can_contain(value: Value, text: str, group: Group, names: Names) -> bool:
    if value.column.form != "metadata":
        return True
    field = _field(value, group, names)
    if field["categories"] is not None:
        return any(text in each["value"] for each in field["categories"])
    return field["present"] > 0


def _field(value: Value, group: Group, names: Names) -> FieldJson:
    return names.fields(_group(value, group))[value.column.name]


def _in_range(minimum: float, maximum: float, comparator: Comparator, constant: float, domain: Domain) -> bool:
    """Whether a number within the range can meet the condition."""
    if domain == "double":  # as values are compared
        minimum, maximum, constant = float(minimum), float(maximum), float(constant)
    match comparator:
        case "=":
            return minimum <= constant <= maximum
        case "<" | "<=":
            return minimum <= constant
        case _:
            return constant <= maximum


def _group(value: Value, listed: Group) -> Group:
    match value.place:
        case Annotations(group=group):
            return group
        case "item":
            return "items"
        case "scene":
            return "scenes"
        case _:
            return listed
