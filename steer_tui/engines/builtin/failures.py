"""What the failures of the computing thread become: errors of the family."""

from steer_tui.domain import Malformed, NotFound, Overloaded, Rejected, SteerError


def translated(failure: Exception) -> SteerError:
    """The error of the family that a failure of the computation becomes, with the failure as its cause."""
    if isinstance(failure, SteerError):
        return failure
    error: SteerError
    if isinstance(failure, MemoryError):
        error = Overloaded("There is not enough memory for the embedded model.", hint="Close something and try again.")
    elif isinstance(failure, ImportError):
        error = NotFound(f"The embedded model needs numpy, which does not load: {failure}.", hint="Reinstall numpy.")
    else:
        what = str(failure) or type(failure).__name__
        error = Malformed(f"The embedded model failed: {what}.", hint="Try again with other settings.")
    error.__cause__ = failure
    return error


def closed() -> SteerError:
    """The error for what is asked of a model that has been closed."""
    return Rejected("The embedded model has been closed.", hint="Start the app again.")
