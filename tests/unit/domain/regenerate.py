"""Write the golden logs anew; read the difference before committing it: `python -m tests.unit.domain.regenerate`."""

from tests.unit.domain import test_drift, test_plan, test_rollout
from tests.unit.domain.story import log

for name, steps in {**test_plan.stories(), **test_drift.stories(), **test_rollout.stories()}.items():
    (test_plan.GOLDEN / f"{name}.log").write_text(log(steps))
