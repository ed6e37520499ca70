"""The stored fields of a user. The password's hash and the networks of sign-ins are script fields: they are no
part of a `User`."""

from shop.domain.callers import Role
from shop.domain.users import User, email_key
from shop.repositories.records.fields import Field, Table, moment, whole

USER = Table(
    Field(name="id"),
    Field(name="email"),
    Field(name="email_key", value=lambda user: email_key(user.email), is_read=False),
    Field(name="first_name"),
    Field(name="last_name"),
    Field(name="role", decode=Role),
    moment("created_at"),
    moment("updated_at"),
    whole("version"),
    make=lambda values: User(**values),
    script_fields=("password", "networks"),
)
