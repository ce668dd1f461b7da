"""Write the golden logs anew; read the difference before committing it: `python tests/unit/domain/regenerate.py`."""

import test_drift
import test_plan
from story import log

for name, steps in {**test_plan.stories(), **test_drift.stories()}.items():
    (test_plan.GOLDEN / f"{name}.log").write_text(log(steps))
