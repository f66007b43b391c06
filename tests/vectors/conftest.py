from hypothesis import settings

# The same examples in every run, and no deadline: a busy machine is no fault of the code.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")
