"""Write the golden logs anew; read the difference before committing it: `python -m tests.unit.domain.regenerate`."""

import test_drift
import test_plan
import test_rollout
from story import log

for name, steps in {**test_plan.stories(), **test_drift.stories(), **test_rollout.stories()}.items():
    (test_plan.GOLDEN / f"{name}.log").write_text(log(steps))
