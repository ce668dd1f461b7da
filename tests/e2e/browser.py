"""A customer's browser before the console of the suite's Navarch."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from demo.stack import CONSOLE, CONSOLE_PORT
from demo.steps import until
from playwright.sync_api import Page
from tests.browser.stage import chromium, opened_at, sign_in_as
from tests.e2e.lab_customer import LabCustomer


@contextmanager
def signed_in(customer: LabCustomer) -> Iterator[Page]:
    """A page, in a browser that nobody sees. The console runs for as long."""
    stack, auth = customer.stack, customer.stack.lab.cloud(customer.name)["auth"]
    stack.start(CONSOLE)
    try:
        until("the console listens", lambda: _listens(stack.host, CONSOLE_PORT), seconds=60, every=0.2)
        with chromium() as browser:
            page = opened_at(browser, stack.console_url)
            sign_in_as(page, auth["username"], auth["password"])
            yield page
    finally:
        stack.stop(CONSOLE, database=False)


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=2):
            return True
    except OSError:
        return False
