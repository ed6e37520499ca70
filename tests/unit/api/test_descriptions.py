import pytest
from rest_framework.views import APIView

from shop.api.descriptions import view_description


class Described(APIView):
    """What *it* does, and <more>.

    And how.
    """


@pytest.mark.parametrize(
    ("html", "description"),
    [
        (False, "What *it* does, and <more>.\n\nAnd how."),
        (True, "<p>What *it* does, and &lt;more&gt;.</p>\n\n<p>And how.</p>"),
    ],
)
def test_a_description_is_text_though_markdown_is_installed(html, description):
    assert Described().get_view_description(html=html) == description
    assert view_description(Described(), html) == description
