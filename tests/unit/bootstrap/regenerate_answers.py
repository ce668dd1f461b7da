"""Write the golden answers anew, then read the difference: `python -m tests.unit.bootstrap.regenerate_answers`."""

from tests.unit.bootstrap.joining import readable
from tests.unit.bootstrap.test_join_answer import GOLDEN, answers

for name, answer in answers().items():
    (GOLDEN / f"{name}.yaml").write_text(readable(answer))
