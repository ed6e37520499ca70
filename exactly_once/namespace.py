"""The keys of the engine in a store. An application derives its own keys from the same namespace."""

from exactly_once.revision import epoch_key


class Namespace:
    """The keys of the store of this name. All carry one hash tag, so that on a Redis Cluster they live on one primary
    and a script may touch any number of them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._tag = tag = f"{{{name}}}:"
        self.revision = f"{tag}revision"
        self.epoch = epoch_key(self.revision)
        self.schema = f"{tag}schema"
        self.migration = f"{tag}migration"
        self.outcomes_prefix = f"{tag}outcomes:"
        self.journal = f"{tag}journal"
        self.events = f"{tag}events"
        # The only keys that begin with this letter, so that an account can be denied them by a pattern: [^j]*.
        self.journal_head = f"{self.journal}:head"

    @property
    def pattern(self) -> str:
        """What every key of the store matches, and no other."""
        return f"{self._tag}*"

    def key(self, name: str) -> str:
        """A key of the application."""
        return f"{self._tag}{name}"

    def request(self, idempotency_key: str) -> str:
        """The record of what a request came to."""
        return f"{self._tag}request:{idempotency_key}"

    def refusals(self, caller: str) -> str:
        """The records of refusals of a caller, by expiry; empty stands for all callers that are not known."""
        return f"{self._tag}refusals:{caller}"

    def rate(self, limit: str) -> str:
        """What a rate limit has admitted."""
        return f"{self._tag}rate:{limit}"

    def outcomes(self, subject: str) -> str:
        """The records that hold personal data of a subject, by expiry."""
        return f"{self.outcomes_prefix}{subject}"
