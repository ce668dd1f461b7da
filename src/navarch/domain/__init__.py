"""What Navarch knows without touching anything: values, the plan, the judgement.

Belongs here: frozen values and pure functions over them. A cluster's whole story, from create to delete, is readable
in `plan`; what its conditions say, in `conditions`; what a request must satisfy, in `admission`.
Does not belong: clocks, randomness, I/O, settings, logging, any library beyond the standard value types. Time comes
in as an argument.
"""
