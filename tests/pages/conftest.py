"""The browser of the page's tests, for reports."""

from tests.server.page.conftest import driver as driver  # noqa: PLC0414  (a fixture)
