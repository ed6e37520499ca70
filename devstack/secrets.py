"""The passwords of the store's users, made at the first start, and the access control lists that accept them."""

from agents.launch import write_private
from devstack.layout import Layout
from operations import store_users


def write_all(layout: Layout) -> None:
    """Write the passwords that are missing, and the lists. A password that is there stays."""
    files = layout.secrets
    files.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for user in store_users.USERS:
        if not files.password_file(user).exists():
            write_private(files.password_file(user), store_users.new_password())
    passwords = {user: (password,) for user, password in store_users.read_passwords(files).items()}
    for file, text in store_users.lists(files, layout.settings.accessible_stores, passwords).items():
        write_private(file, text)
    servers = (*layout.redis.values(), *layout.sentinels.values())
    password = files.password(store_users.EXPORTER)
    write_private(files.exporter_passwords, store_users.exporter_passwords(servers, password))
