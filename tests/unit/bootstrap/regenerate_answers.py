"""Write the golden answers anew, then read the difference: `python tests/unit/bootstrap/regenerate_answers.py`."""

from joining import readable
from test_join_answer import GOLDEN, answers

for name, answer in answers().items():
    (GOLDEN / f"{name}.yaml").write_text(readable(answer))
