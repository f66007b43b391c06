"""How Neuronpedia's servers call the methods, and the strength that stands for a dial there."""

from steer_tui.domain import Dial, Feature, Method, SteeringVector, Unsupported

METHOD_NAMES = {
    Method.ADDITIVE: "SIMPLE_ADDITIVE",
    Method.ORTHOGONAL: "ORTHOGONAL_DECOMP",
    Method.PROJECTION_CAP: "PROJECTION_CAP",
    Method.ABLATE: "ORTHOGONAL_DECOMP",
}


def method_name(vector: SteeringVector) -> str:
    """What the vector's method is called; raises Unsupported for one that Neuronpedia's servers do not have."""
    method = vector.method if vector.dials else Method.ADDITIVE
    if method not in METHOD_NAMES:
        raise Unsupported(
            f"Neuronpedia's servers cannot steer with the method {method.value}.", hint="Choose another method."
        )
    return METHOD_NAMES[method]


def method_called(name: str) -> Method | None:
    """The method of a name, or None; of two that share one, that whose dials have values."""
    return next((method for method, known in METHOD_NAMES.items() if known == name), None)


def strength_of(dial: Dial, method: Method) -> float:
    """The number that the method wants for a dial."""
    match method:
        case Method.ADDITIVE | Method.PROJECTION_CAP | Method.PIN:
            return dial.coefficient
        case Method.ORTHOGONAL:
            return 1.0 - dial.value / 10.0
        case Method.ABLATE:
            return 0.0


def value_of(strength: float, feature: Feature, method: Method) -> float:
    """Where the feature's dial stands for a strength."""
    return 10.0 * (1.0 - strength) if method is Method.ORTHOGONAL else strength / feature.unit
