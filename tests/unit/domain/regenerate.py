"""Write the golden logs anew; read the difference before committing it: `python tests/unit/domain/regenerate.py`."""

from story import log
from test_plan import GOLDEN, stories

for name, steps in stories().items():
    (GOLDEN / f"{name}.log").write_text(log(steps))
