"""What is seen of the inside of clusters, kept with PostgreSQL. The promises are those of `insight_contract`."""

import time
from typing import TypeVar

from psycopg.types.json import Jsonb

from navarch.domain.codec import Undecodable, decode, encode
from navarch.domain.insight import Figures, Insight, Question, Trouble, Workloads, question_of
from navarch.store import rows
from navarch.store.database import INSIGHT, WORK, Database
from navarch.store.insight_contract import WantedInsight

_T = TypeVar("_T")

QUESTIONS_KEPT = 20
"""Of a cluster."""


class InsightSide:
    """`insight_contract.Insights` and `WantedInsights`."""

    def __init__(self, database: Database, region: str) -> None:
        self._database, self._region = database, region

    def insight(self, cluster_id: str, question: Question, *, max_age: float, wait: float) -> Insight | None:
        listener, end = self._database.listen(), time.monotonic() + wait
        while True:
            seen, left = listener.count(INSIGHT), end - time.monotonic()
            with self._database.transaction() as tx:
                row = tx.row("insight", id=cluster_id, question=question.key, max_age=max_age)
                fresh = row is not None and row["fresh"]
                if not fresh and left > 0 and tx.run("want_insight", id=cluster_id, question=question.key):
                    tx.run("trim_insights", id=cluster_id, keep=QUESTIONS_KEPT)
                    tx.notify(WORK)
            if fresh or left <= 0:
                return None if row is None else _insight(question, row)
            # Notified or not, look again: the worker may have read before we asked.
            listener.wait_past(INSIGHT, seen, min(left, 1.0))

    def take_wanted_insights(self, most: int) -> tuple[WantedInsight, ...]:
        with self._database.look() as tx:  # at each notification, and mostly there are none
            taken = tx.rows("take_wanted_insights", region=self._region, most=most)
        return tuple(filter(None, map(_wanted, taken)))

    def write_insight(self, cluster_id: str, question: Question, insight: Insight) -> None:
        content, trouble = insight.content, insight.trouble
        with self._database.transaction() as tx:
            tx.run(
                "write_insight",
                id=cluster_id,
                question=question.key,
                content=None if content is None else Jsonb(encode(content)),
                trouble=None if trouble is None else Jsonb(encode(trouble)),
            )
            tx.run("drop_old_insights")
            tx.notify(INSIGHT, cluster_id)


def _wanted(row: rows.Row) -> WantedInsight | None:
    """None for a question of a newer Navarch: a worker of that answers it when it is asked again."""
    try:
        question = question_of(row["question"])
    except ValueError:
        return None
    return WantedInsight(row["cluster_id"], row["project_id"], row["api_url"], question)


def _insight(question: Question, row: rows.Row) -> Insight | None:
    """None where no worker has tried yet; an answer of another version of Navarch counts as none."""
    if row["fresh"] is None:
        return None
    type_: type[Figures | Workloads] = Figures if question.span is not None else Workloads
    content, trouble = _readable(type_, row["content"]), _readable(Trouble, row["trouble"])
    return Insight(None if content is None else row["seen_at"], content, trouble)


def _readable(type_: type[_T], said: object) -> _T | None:
    """None where nothing was said, or another version of Navarch said it in its way."""
    try:
        return None if said is None else decode(type_, said)
    except Undecodable:
        return None
