"""The composition root: from settings to a shop that works. Nothing is made before it is asked for."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import structlog
from django.conf import settings

from exactly_once import Cluster, Durability, Migrator, Store, StoreUnavailable
from exactly_once.credentials import Credentials
from exactly_once.topology_report import TopologyReport
from shop import telemetry
from shop.clock import SystemClock, UuidIds
from shop.concurrency import REQUESTS
from shop.domain.audit import audit_keys
from shop.domain.ports import Shop
from shop.domain.webhook_urls import WebhookPolicy
from shop.idempotency import StoredIdempotencySecret
from shop.mailer import MailServer, NoMailer, SmtpMailer
from shop.passwords import Argon2Passwords
from shop.payments.providers import StripeAccount, payment_providers
from shop.repositories.accounts import RedisAccountRepository
from shop.repositories.addresses import RedisAddressRepository
from shop.repositories.api_keys import RedisApiKeyRepository
from shop.repositories.audit import RedisAuditRepository
from shop.repositories.carts import RedisCartRepository
from shop.repositories.checkouts import RedisCheckoutRepository
from shop.repositories.deliveries import RedisDeliveryRepository
from shop.repositories.endpoints import RedisEndpointRepository
from shop.repositories.events import RedisEventRepository
from shop.repositories.existence import ExistenceCheck
from shop.repositories.figures import RedisFigureRepository
from shop.repositories.journal import RedisJournal, Retention
from shop.repositories.keys import Keys
from shop.repositories.migrations import VERSION, shop_schema
from shop.repositories.payments import RedisPaymentRepository
from shop.repositories.products import RedisProductRepository
from shop.repositories.purchases import RedisPurchaseRepository
from shop.repositories.returns import RedisReturnRepository
from shop.repositories.scripts import shop_scripts
from shop.repositories.secret_slots import RedisSecretSlots
from shop.repositories.shipping_methods import RedisShippingMethodRepository
from shop.repositories.transfers import RedisTransferRepository
from shop.repositories.users import RedisUserRepository
from shop.repositories.vouchers import RedisVoucherRepository
from shop.tokens import RandomSecrets


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """Where a shop's store is, and how safe its writes are to be. `source_address` is the address to connect from,
    `credentials` those of the user as which the store is called."""

    store: str
    master_name: str
    sentinels: Sequence[tuple[str, int]]
    replicas: int = 2
    durability: str = "replicated"
    max_waiting_writes: int = 400
    wait_ms: int = 150
    read_timeout_ms: int = 250
    max_concurrent_hashes: int = 2
    max_queued_hashes: int = 64
    secret_key: str = ""
    secret_key_fallbacks: Sequence[str] = ()
    source_address: str = ""
    max_open_purchases: int = 0
    pay_within_s: int = 1800
    mail_server: MailServer | None = None
    credentials: Credentials | None = None
    payment_providers: Sequence[str] = ()
    stripe: StripeAccount | None = None
    audit_retention_days: int = 400
    audit_max_entries: int = 200_000
    webhook_networks: Sequence[str] = ()


class Container:
    """A shop, and the parts below it that operations need."""

    def __init__(self, configuration: Configuration) -> None:
        self.keys = Keys(configuration.store)
        self.cluster = Cluster(
            sentinels=configuration.sentinels,
            primary_name=configuration.master_name,
            replicas=configuration.replicas,
            source_address=configuration.source_address,
            credentials=configuration.credentials,
            observer=telemetry,
            release_slot=REQUESTS.released,
        )
        self.store = Store(
            self.cluster,
            self.keys,
            shop_scripts(),
            durability=Durability(configuration.durability),
            max_waiting_writes=configuration.max_waiting_writes,
            wait_ms=configuration.wait_ms,
            read_timeout_s=configuration.read_timeout_ms / 1000,
            schema=shop_schema(self.keys),
        )
        self.migrator = Migrator(
            self.cluster,
            self.keys,
            shop_schema(self.keys),
            durability=Durability(configuration.durability),
        )
        self.existence = ExistenceCheck(self.store, self.keys)
        self.shop = self._shop(configuration)
        self.journal = self._journal(configuration)

    def close(self) -> None:
        """End its threads and its connections."""
        self.cluster.close()

    def _shop(self, configuration: Configuration) -> Shop:
        secret_keys = [configuration.secret_key, *configuration.secret_key_fallbacks]
        return Shop(
            clock=SystemClock(),
            ids=UuidIds(),
            passwords=Argon2Passwords(configuration.max_concurrent_hashes, configuration.max_queued_hashes),
            secrets=RandomSecrets(secret_keys),
            idempotency=StoredIdempotencySecret(RedisSecretSlots(self.store, self.keys), secret_keys),
            mailer=SmtpMailer(configuration.mail_server) if configuration.mail_server else NoMailer(),
            users=RedisUserRepository(self.store, self.keys),
            accounts=RedisAccountRepository(self.store, self.keys),
            api_keys=RedisApiKeyRepository(self.store, self.keys),
            products=RedisProductRepository(self.store, self.keys),
            carts=RedisCartRepository(self.store, self.keys),
            checkouts=RedisCheckoutRepository(
                self.store, self.keys, timedelta(seconds=configuration.pay_within_s), configuration.max_open_purchases
            ),
            vouchers=RedisVoucherRepository(self.store, self.keys),
            shipping_methods=RedisShippingMethodRepository(self.store, self.keys),
            addresses=RedisAddressRepository(self.store, self.keys),
            rates=self.store,
            purchases=RedisPurchaseRepository(self.store, self.keys, configuration.max_open_purchases),
            returns=RedisReturnRepository(self.store, self.keys),
            figures=RedisFigureRepository(self.store, self.keys),
            audit=RedisAuditRepository(self.store, self.keys),
            events=RedisEventRepository(self.store, self.keys),
            endpoints=RedisEndpointRepository(self.store, self.keys),
            deliveries=RedisDeliveryRepository(self.store, self.keys),
            transfers=RedisTransferRepository(self.store, self.keys),
            webhook_policy=WebhookPolicy(networks=configuration.webhook_networks),
            payments=RedisPaymentRepository(self.store, self.keys),
            providers=payment_providers(
                configuration.payment_providers, configuration.secret_key, SystemClock(), configuration.stripe
            ),
        )

    def _journal(self, configuration: Configuration) -> RedisJournal:
        days, max_entries = configuration.audit_retention_days, configuration.audit_max_entries
        retention = Retention(age=timedelta(days=days), max_entries=max_entries)
        clock, secret = self.shop.clock, self.shop.idempotency
        return RedisJournal(self.store, self.keys, clock, retention, lambda: audit_keys(secret.value()))


_lock = threading.Lock()
_LOG = structlog.get_logger()
#: Seconds that one try to migrate the store may take, and between two tries.
MIGRATION_TIMEOUT_S, MIGRATION_PAUSE_S = 60.0, 5.0


@cache
def _container() -> Container:
    return Container(
        Configuration(
            store=settings.EVERGREEN_STORE,
            master_name=settings.REDIS_MASTER_NAME,
            sentinels=settings.REDIS_SENTINELS,
            replicas=settings.EVERGREEN_REPLICAS,
            durability=settings.EVERGREEN_DURABILITY,
            max_waiting_writes=settings.EVERGREEN_MAX_WAITING_WRITES,
            wait_ms=settings.EVERGREEN_WAIT_MS,
            read_timeout_ms=settings.EVERGREEN_READ_TIMEOUT_MS,
            max_concurrent_hashes=settings.EVERGREEN_MAX_CONCURRENT_HASHES,
            max_queued_hashes=settings.EVERGREEN_MAX_QUEUED_HASHES,
            secret_key=settings.SECRET_KEY,
            secret_key_fallbacks=[str(key) for key in settings.SECRET_KEY_FALLBACKS],
            source_address=settings.EVERGREEN_SOURCE_ADDRESS,
            max_open_purchases=settings.EVERGREEN_MAX_OPEN_PURCHASES,
            pay_within_s=settings.EVERGREEN_PAY_WITHIN_S,
            mail_server=_mail_server(),
            credentials=credentials(),
            payment_providers=settings.EVERGREEN_PAYMENT_PROVIDERS,
            stripe=_stripe(),
            audit_retention_days=settings.EVERGREEN_AUDIT_RETENTION_DAYS,
            audit_max_entries=settings.EVERGREEN_AUDIT_MAX_ENTRIES,
            webhook_networks=settings.EVERGREEN_WEBHOOK_NETWORKS,
        )
    )


def _mail_server() -> MailServer | None:
    """The mail server that the settings name."""
    if not settings.EVERGREEN_SMTP:
        return None
    return MailServer(
        address=settings.EVERGREEN_SMTP,
        origin=settings.EVERGREEN_PUBLIC_URL,
        user=settings.EVERGREEN_SMTP_USER,
        password=settings.EVERGREEN_SMTP_PASSWORD,
        must_encrypt=settings.EVERGREEN_SMTP_TLS,
        sender=settings.EVERGREEN_MAIL_FROM,
    )


def _stripe() -> StripeAccount | None:
    """The account at Stripe that the settings name."""
    if not settings.EVERGREEN_STRIPE_KEY:
        return None
    return StripeAccount(
        key=settings.EVERGREEN_STRIPE_KEY,
        webhook_secret=settings.EVERGREEN_STRIPE_WEBHOOK_SECRET,
        api=settings.EVERGREEN_STRIPE_API,
        timeout_s=settings.EVERGREEN_STRIPE_TIMEOUT_S,
    )


def credentials() -> Credentials | None:
    """As which user this process calls the store; None without authentication."""
    return Credentials.where_named(
        settings.EVERGREEN_REDIS_USERNAME, settings.EVERGREEN_REDIS_PASSWORD_FILE, settings.EVERGREEN_REDIS_CA_FILE
    )


@cache
def container() -> Container:
    """The process's own, made by the first caller, and had by all others without a lock."""
    with _lock:
        return _container()


def get_shop() -> Shop:
    """The shop that the settings describe."""
    return container().shop


def topology_report() -> TopologyReport:
    """The cluster as each part of it answers now."""
    return container().cluster.report()


def watch_topology() -> None:
    """Start to refresh the view of the cluster, as the first read or write does."""
    _ = container().cluster.topology.view


def migrate_store() -> threading.Thread:
    """Bring the store to the schema of this version, as soon as it answers, in a thread of its own. Until then every
    read and write raises StoreUnavailable, unless the store has this schema already or is empty."""
    thread = threading.Thread(target=_migrate_store, args=(container().migrator,), name="migration", daemon=True)
    thread.start()
    return thread


def _migrate_store(migrator: Migrator) -> None:
    said = ""
    while True:
        try:
            found = migrator.migrate(MIGRATION_TIMEOUT_S, lambda text: _LOG.info("migration step done", step=text))
        except StoreUnavailable as fault:
            if str(fault) != said:
                said = str(fault)
                _LOG.error("store not usable", reason=said)
            time.sleep(MIGRATION_PAUSE_S)
        else:
            if found not in (None, VERSION):
                _LOG.info("store migrated", schema=VERSION, former_schema=found)
            return


def is_cut_off() -> bool:
    """Whether too few Sentinels answer this process for it to know which node is primary: a look at what is known."""
    return not container().cluster.topology.view.is_certain


def read_fault() -> str:
    """Why nothing can be read now, for operators; empty where reads are served."""
    fault = container().store.read_fault()
    return str(fault) if fault else ""
