"""Rules out conditions that the schema shows to be impossible, and partitions without the wanted ids."""

from pipelines.queries.conditions import All, Annotations, Condition, Constant, Domain, Some, Test, Value
from pipelines.queries.names import Names
from pipelines.queries.syntax import FLIPPED, Comparator
from transforms.rules.export_rows import Group


def possible(condition: Condition, group: Group, names: Names) -> bool:
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
        case _:
            return True


def possible_reference_ids(condition: Condition) -> frozenset[str] | None:
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
        case _:
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
    field = names.fields(_group(value, group))[value.column.name]
    categories, minimum, maximum = field["categories"], field["minimum"], field["maximum"]
    if not field["present"]:
        return False
    if isinstance(constant, str):
        return comparator != "=" or categories is None or any(each["value"] == constant for each in categories)
    return minimum is not None and maximum is not None and _in_range(minimum, maximum, comparator, constant, domain)


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
