"""What becomes of what is asked for, and how long it takes."""


class Fates:
    """Seconds, and ends. Tests override what they want to go wrong."""

    server_seconds = 4.0
    volume_seconds = 1.0
    balancer_seconds = 2.0
    removal_seconds = 1.5
    deleted_seconds = 0.2  # for which Nova still shows a server as DELETED

    def server_fault(self, name: str) -> str | None:
        """Nova's fault text of a server that ends in ERROR; None: it runs."""
        return None

    def balancer_status(self, name: str) -> str | None:
        """What a balancer's creation ends in: ACTIVE, ERROR, or None: it stays pending."""
        return "ACTIVE"
