"""Walking over pages, as a client that follows `next` and `previous` does."""

from collections.abc import Callable

from shop.domain.pages import Page, Position

Pages = Callable[[Position | None], Page]


def forwards(page_at: Pages) -> list[Page]:
    """Every page from the first to the last."""
    pages = [page_at(None)]
    while pages[-1].next:
        pages.append(page_at(pages[-1].next))
    return pages


def backwards(page_at: Pages, last: Page) -> list[Page]:
    """Every page before this one, in the order of the list."""
    pages: list[Page] = []
    while last.previous:
        last = page_at(last.previous)
        pages.insert(0, last)
    return pages


def there_and_back(page_at: Pages, size: int) -> list:
    """All entries, having seen that both ways show the same, in full pages, and know where they end."""
    there = forwards(page_at)
    back = backwards(page_at, there[-1])
    assert there[0].previous is None
    assert all(len(page.results) == size for page in there[:-1])
    assert all(page.next for page in back)
    assert _entries(back) + list(there[-1].results) == _entries(there)
    return _entries(there)


def _entries(pages: list[Page]) -> list:
    return [entry for page in pages for entry in page.results]
