"""Serializer fields of codes: names that people or standards give, usable in a URL without escaping."""

import re
from typing import Any

from shop.api import fields
from shop.domain import shipping_methods, vouchers


class VoucherCode(fields.String):
    """The code of a voucher, in upper case whatever the case that was sent."""

    json_schema = {"type": "string", "pattern": f"^{vouchers.CODE_PATTERN}$"}
    default_error_messages = {"invalid_code": "Use 3 to 32 of A-Z 0-9 _ -, beginning with a letter or digit."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or not _VOUCHER_CODE.fullmatch(data):
            self.fail("invalid_code")
        return vouchers.voucher_code(data)


class ShippingMethodCode(fields.String):
    """The code of a shipping method."""

    json_schema = {"type": "string", "pattern": f"^{shipping_methods.CODE_PATTERN}$"}
    default_error_messages = {"invalid_code": "Use 1 to 32 of a-z 0-9 _ -, beginning with a letter or digit."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or not _METHOD_CODE.fullmatch(data):
            self.fail("invalid_code")
        return data


_VOUCHER_CODE = re.compile(vouchers.CODE_PATTERN)
_METHOD_CODE = re.compile(shipping_methods.CODE_PATTERN)
