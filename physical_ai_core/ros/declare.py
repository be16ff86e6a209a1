"""Parameters of a dataclass declared on a node with their descriptors, read back and checked."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter

from physical_ai_core.parameters import Descriptor, describe, load

P = TypeVar("P")

_TYPES: Final = {
    bool: Parameter.Type.BOOL,
    int: Parameter.Type.INTEGER,
    float: Parameter.Type.DOUBLE,
    str: Parameter.Type.STRING,
    tuple[float, ...]: Parameter.Type.DOUBLE_ARRAY,
    tuple[str, ...]: Parameter.Type.STRING_ARRAY,
}


def read_parameters(node: Node, parameters: type[P]) -> P:
    """Declare every parameter, then load the values. Raises ParameterError, or rclpy's own on a wrong type."""
    values: dict[str, Any] = {}
    for name, (kind, default, meta) in describe(parameters).items():
        descriptor = _descriptor(kind, meta)
        if default == ():  # an empty list has no type of its own
            declared = node.declare_parameter(name, _TYPES[kind], descriptor)
        else:
            value = list(default) if isinstance(default, tuple) else default
            declared = node.declare_parameter(name, value, descriptor)
        if declared.value is not None:
            values[name] = declared.value
    return load(parameters, values)


def _descriptor(kind: Any, meta: Descriptor) -> ParameterDescriptor:
    text = f"{meta.description} [{meta.unit}]" if meta.unit else meta.description
    descriptor = ParameterDescriptor(description=text, read_only=meta.read_only)
    if meta.choices:
        descriptor.additional_constraints = f"one of: {', '.join(meta.choices)}"
    if meta.minimum is not None and meta.maximum is not None:
        if kind is float:
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(meta.minimum), to_value=float(meta.maximum), step=0.0)
            ]
        elif kind is int:
            descriptor.integer_range = [IntegerRange(from_value=int(meta.minimum), to_value=int(meta.maximum), step=1)]
    return descriptor
